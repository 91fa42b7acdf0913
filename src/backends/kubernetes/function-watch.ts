import type { CoreV1Event, V1Deployment, V1EndpointSlice, V1Namespace, V1Pod } from '@kubernetes/client-node';
import type { Log } from '../../base/log.ts';
import { FunctionNotFoundError, NamespaceNotFoundError, type FunctionName } from '../../provider/index.ts';
import { functionLabel, incarnationLabel, openfaasMark, ownSelector, serviceNameLabel } from './cluster-labels.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KindFollower } from './list-watch.ts';
import { nameOf, ObjectStore, type ClusterObject } from './object-store.ts';
import { versionsOf, type StoredVersions } from './stored-version.ts';

/** What is known of the functions of one namespace. */
export interface NamespaceObjects {
  deployments: ObjectStore<V1Deployment>;
  /** By function. */
  pods: ObjectStore<V1Pod>;
  /** By function. */
  slices: ObjectStore<V1EndpointSlice>;
  /** What the cluster warns of, by Pod. */
  warnings: ObjectStore<CoreV1Event>;
}

/** A function, as its Deployment is now. */
export interface KnownFunction {
  object: V1Deployment;
  versions: StoredVersions;
  incarnation: string;
}

interface FollowedNamespace extends NamespaceObjects {
  kinds: { listed: Promise<void>; problem: string | undefined }[];
  listed: Promise<unknown>;
  isListed: boolean;
  stop: () => void;
}

type ObjectsListener = (namespace: string, objects: NamespaceObjects) => void;

/**
 * Follows the namespaces that functions can be in, and in each the Deployments, the Pods and the endpoints of functions. Whoever
 * asks is answered from here, and asks the API server nothing.
 */
export class FunctionWatch {
  readonly namespaces = new ObjectStore<V1Namespace>();
  readonly #client: KubernetesClient;
  readonly #functionNamespace: string;
  readonly #log: Log;
  readonly #followed = new Map<string, FollowedNamespace>();
  readonly #listeners: ObjectsListener[] = [];
  readonly #stopping = new AbortController();
  #namespaceKind?: KindFollower<V1Namespace>;

  constructor(client: KubernetesClient, { functionNamespace, log }: { functionNamespace: string; log: Log }) {
    this.#client = client;
    this.#functionNamespace = functionNamespace;
    this.#log = log;
  }

  /** Calls the listener with the stores of each namespace that is followed, before anything is in them. */
  onNamespace(listener: ObjectsListener): void {
    this.#listeners.push(listener);
  }

  /** Resolves when all was listed that there is. */
  async start(): Promise<void> {
    const options = { signal: this.#stopping.signal, log: this.#log };
    this.namespaces.onChange(() => this.#followAll());
    this.#followAll();
    this.#namespaceKind = new KindFollower(this.#client.namespaces(), this.namespaces, options);
    await this.#followed.get(this.#functionNamespace)?.listed;
    await this.#namespaceKind.listed;
    await Promise.all([...this.#followed.values()].map(({ listed }) => listed));
  }

  /** Ends following; what is known stays, for calls that are under way. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Lists the namespaces that functions can be in, sorted. */
  names(): string[] {
    const marked = this.namespaces.all().filter(isForFunctions).map(nameOf);
    return [...new Set([this.#functionNamespace, ...marked])].sort();
  }

  /** Returns what is known of a namespace; undefined where functions cannot be in it. */
  objects(namespace: string): NamespaceObjects | undefined {
    return this.#followed.get(namespace);
  }

  /** @throws NamespaceNotFoundError where functions cannot be in it */
  require(namespace: string): NamespaceObjects {
    const objects = this.#followed.get(namespace);
    if (!objects) throw new NamespaceNotFoundError(namespace);
    return objects;
  }

  /** Whether all that is in a namespace was listed, so that what comes is new. */
  isListed(namespace: string): boolean {
    return this.#followed.get(namespace)?.isListed ?? false;
  }

  /** Resolves when a namespace that was made just now is followed. */
  async listed(namespace: string): Promise<void> {
    await this.#followed.get(namespace)?.listed;
  }

  /** Lists the functions of a namespace. */
  functions(namespace: string): KnownFunction[] {
    return this.require(namespace)
      .deployments.all()
      .flatMap((object) => knownOf(object) ?? []);
  }

  find({ name, namespace }: FunctionName): KnownFunction | undefined {
    const object = this.#followed.get(namespace)?.deployments.get(name);
    return object && knownOf(object);
  }

  /** @throws FunctionNotFoundError when there is no such function */
  get(fn: FunctionName): KnownFunction {
    const found = this.find(fn);
    if (!found) throw new FunctionNotFoundError(fn);
    return found;
  }

  /** Lists the Pods of a function, but those of one that had its name before. */
  pods({ name, namespace }: FunctionName): V1Pod[] {
    const incarnation = this.find({ name, namespace })?.incarnation;
    const pods = this.#followed.get(namespace)?.pods.group(name) ?? [];
    return pods.filter(({ metadata }) => metadata?.labels?.[incarnationLabel] === incarnation);
  }

  /** Why the cluster's namespaces cannot be seen; undefined while they can. */
  get namespaceProblem(): string | undefined {
    return this.#namespaceKind?.problem;
  }

  /** What cannot be followed now, by what it is. */
  problems(): string[] {
    const kinds = [...this.#followed.values()].flatMap(({ kinds }) => kinds);
    return [this.#namespaceKind, ...kinds].flatMap((kind) => kind?.problem ?? []);
  }

  #followAll(): void {
    const wanted = this.names();
    for (const [namespace, { stop }] of this.#followed) {
      if (wanted.includes(namespace)) continue;
      stop();
      this.#followed.delete(namespace);
    }
    for (const namespace of wanted) if (!this.#followed.has(namespace)) this.#follow(namespace);
  }

  #follow(namespace: string): void {
    const stopping = new AbortController();
    const options = { signal: AbortSignal.any([stopping.signal, this.#stopping.signal]), log: this.#log };
    const objects: NamespaceObjects = {
      deployments: new ObjectStore(),
      pods: new ObjectStore<V1Pod>(labelOf(functionLabel)),
      slices: new ObjectStore<V1EndpointSlice>(labelOf(serviceNameLabel)),
      warnings: new ObjectStore<CoreV1Event>(({ involvedObject }) => involvedObject.name ?? ''),
    };
    for (const listener of this.#listeners) listener(namespace, objects);
    const kinds = [
      new KindFollower(this.#client.deployments(namespace, ownSelector), objects.deployments, options),
      new KindFollower(this.#client.pods(namespace, ownSelector), objects.pods, options),
      new KindFollower(this.#client.slices(namespace, ownSelector), objects.slices, options),
      new KindFollower(this.#client.warnings(namespace), objects.warnings, options),
    ];
    const listed = Promise.all(kinds.map((kind) => kind.listed));
    // Its functions are gone with it.
    const stop = () => {
      stopping.abort();
      for (const store of Object.values(objects)) (store as ObjectStore<V1Pod>).replace([]);
    };
    const followed = { ...objects, kinds, listed, isListed: false, stop };
    this.#followed.set(namespace, followed);
    void listed.then(() => (followed.isListed = true));
  }
}

/** Returns undefined for a Deployment that ends, or whose version somebody has made unreadable. */
function knownOf(object: V1Deployment): KnownFunction | undefined {
  const { deletionTimestamp, labels } = object.metadata ?? {};
  const versions = deletionTimestamp === undefined ? versionsOf(object) : undefined;
  return versions && { object, versions, incarnation: labels?.[incarnationLabel] ?? '' };
}

/** Whether functions can be in a namespace: it is marked so, and does not end. */
export function isForFunctions({ metadata, status }: V1Namespace): boolean {
  if (metadata?.deletionTimestamp !== undefined || status?.phase === 'Terminating') return false;
  const marks = [metadata?.labels?.[openfaasMark], metadata?.annotations?.[openfaasMark]];
  return marks.some((mark) => mark === '1' || mark === 'true');
}

function labelOf(key: string): (object: ClusterObject) => string {
  return ({ metadata }) => metadata?.labels?.[key] ?? '';
}
