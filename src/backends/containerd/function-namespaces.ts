import { setTimeout as sleep } from 'node:timers/promises';
import { isAlreadyExists, isFailedPrecondition, notFoundAs, type Containerd } from '../../containerd/index.ts';
import {
  BadRequestError,
  NamespaceExistsError,
  NamespaceNotFoundError,
  ProviderError,
  type Namespace,
  type NamespaceVerbs,
} from '../../provider/index.ts';
import type { NamespaceStore } from './desired/namespace-store.ts';
import type { InUse } from './in-use.ts';
import { hasOpenfaasLabel, openfaasLabel, openfaasNamespaces } from './namespace-label.ts';
import type { Sweep } from './sweep.ts';
import { InOrder } from '../../base/in-order.ts';
import { tryEach } from '../../base/try-each.ts';
import { monotonicMs } from '../../base/monotonic.ts';

const stoppingMs = 15_000;
const pauseMs = 250;

export interface FunctionNamespacesOptions {
  containerd: Containerd;
  store: NamespaceStore;
  defaultNamespace: string;
  inUse: InUse;
  sweep: Sweep;
}

/** The namespaces API: containerd's namespaces with the label `openfaas`; those made here are kept on disk. */
export class FunctionNamespaces implements NamespaceVerbs {
  readonly #parts: FunctionNamespacesOptions;
  /** Changes of one namespace come one after another. */
  readonly #inTurn = new InOrder();
  readonly #removing = new Set<string>();

  constructor(parts: FunctionNamespacesOptions) {
    this.#parts = parts;
  }

  /**
   * Makes every wanted namespace in containerd, which may be new, or wiped, and has each labelled as one for functions.
   * @throws Error naming those that could not be made, once all others are
   */
  async ensure(): Promise<void> {
    const { defaultNamespace, store } = this.#parts;
    const asDefault = { name: defaultNamespace, labels: {}, annotations: {} };
    const stored = await store.all().catch((error: unknown) => error as Error);
    const wanted = stored instanceof Error ? [] : stored;
    const all = wanted.some(({ name }) => name === defaultNamespace) ? wanted : [asDefault, ...wanted];
    const present = new Map((await this.#parts.containerd.namespaces.list()).map(({ name, labels }) => [name, labels]));
    const wrong = all.filter((namespace) => !hasLabels(present.get(namespace.name), labelsOf(namespace)));
    await tryEach(wrong, (namespace) => this.#ensureOne(namespace));
    if (stored instanceof Error) throw stored;
  }

  async #ensureOne(namespace: Namespace): Promise<void> {
    const { namespaces } = this.#parts.containerd;
    const { name } = namespace;
    const wanted = { name, labels: labelsOf(namespace) };
    await namespaces.create(wanted).catch(async (error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
      const present = await namespaces.get(name).catch(notFoundAs({ name, labels: {} }));
      await namespaces.update({ name, labels: { ...containerdsOwn(present.labels), ...wanted.labels } });
    });
  }

  list(): Promise<string[]> {
    return openfaasNamespaces(this.#parts.containerd);
  }

  /**
   * Requires that functions can be in a namespace.
   * @throws BadRequestError when they cannot
   */
  async require(name: string): Promise<void> {
    const isThere = (await this.list()).includes(name);
    if (this.#removing.has(name)) throw new BadRequestError(`namespace ${name} is being removed`);
    if (isThere) return;
    throw new BadRequestError(
      `namespace ${name} does not exist: create it first, e.g. faas-cli namespace create ${name}`,
    );
  }

  async get(name: string): Promise<Namespace> {
    const labels = await this.#labels(name);
    const stored = (await this.#parts.store.all()).find((namespace) => namespace.name === name);
    // containerd keeps no label whose value is empty.
    return { name, labels: { ...stored?.labels, ...labels }, annotations: stored?.annotations ?? {} };
  }

  create(namespace: Namespace): Promise<void> {
    return this.#inTurn.run(namespace.name, () => this.#create(namespace));
  }

  async #create(namespace: Namespace): Promise<void> {
    const { namespaces } = this.#parts.containerd;
    checkContainerdName(namespace.name);
    const existing = (await namespaces.list()).some(({ name }) => name === namespace.name);
    if (existing) throw new NamespaceExistsError(namespace.name);
    try {
      await this.#put(namespace);
    } catch (error) {
      await namespaces.delete(namespace.name).catch(() => {});
      throw error;
    }
  }

  update(namespace: Namespace): Promise<void> {
    return this.#inTurn.run(namespace.name, async () => {
      await this.#labels(namespace.name);
      await this.#put(namespace);
    });
  }

  async #put(namespace: Namespace): Promise<void> {
    // Stored once containerd has taken it: what is stored is made again at each start.
    await this.#ensureOne(namespace);
    await this.#parts.store.put(namespace);
  }

  async remove(name: string): Promise<void> {
    if (name === this.#parts.defaultNamespace) throw new BadRequestError(`${name} is the default namespace and stays`);
    await this.#inTurn.run(name, async () => {
      await this.#labels(name);
      // Nothing comes into it from here on; what was coming already is in use.
      this.#removing.add(name);
      await this.#removeEmpty(name).finally(() => this.#removing.delete(name));
    });
  }

  async #removeEmpty(name: string): Promise<void> {
    const contents = await this.#parts.inUse.contents(name);
    if (contents.length > 0) {
      throw new ProviderError(409, `namespace ${name} is not empty: remove ${contents.slice(0, 5).join(', ')} first`);
    }
    await this.#removeFromContainerd(name);
    await this.#parts.store.delete(name);
  }

  /** Removes a namespace, waiting for replicas of functions that were removed a moment ago to stop. */
  async #removeFromContainerd(name: string): Promise<void> {
    const deadlineMs = monotonicMs() + stoppingMs;
    for (;;) {
      await this.#parts.sweep.namespace(name);
      try {
        return await this.#parts.containerd.namespaces.delete(name);
      } catch (error) {
        if (!isFailedPrecondition(error)) throw error;
        const message = `namespace ${name} still holds containers or images in containerd: try again later`;
        if (monotonicMs() > deadlineMs) throw new ProviderError(409, message, { cause: error });
      }
      await sleep(pauseMs);
    }
  }

  /**
   * Returns the labels of a namespace for functions.
   * @throws NamespaceNotFoundError also when the namespace is somebody else's
   */
  async #labels(name: string): Promise<Record<string, string>> {
    const found = await this.#parts.containerd.namespaces.get(name).catch(notFoundAs(undefined));
    if (!found || !hasOpenfaasLabel(found.labels)) throw new NamespaceNotFoundError(name);
    return found.labels;
  }
}

/** Returns the labels that a namespace is to have in containerd, which keeps none whose value is empty. */
function labelsOf({ labels }: Namespace): Record<string, string> {
  return { ...labels, [openfaasLabel]: '1' };
}

function hasLabels(present: Record<string, string> | undefined, wanted: Record<string, string>): boolean {
  return present !== undefined && Object.entries(wanted).every(([name, value]) => (present[name] ?? '') === value);
}

/** Picks the labels that containerd itself reads, such as `containerd.io/defaults/snapshotter`: they stay when ours are replaced. */
function containerdsOwn(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name.startsWith('containerd.io/')));
}

/**
 * Refuses the names that containerd would: its identifiers have no two dashes in a row.
 * Source: https://github.com/containerd/containerd/blob/v2.1.0/pkg/identifiers/validate.go
 * @throws BadRequestError saying so
 */
function checkContainerdName(name: string): void {
  if (name.includes('--'))
    throw new BadRequestError(`namespace ${name} is not a valid name: containerd takes no two dashes in a row`);
}
