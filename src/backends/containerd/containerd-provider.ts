import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Containerd } from '../../containerd/index.ts';
import type { Log } from '../../base/log.ts';
import type { LogStore } from '../../logs/index.ts';
import {
  FunctionNotFoundError,
  type DeployOutcome,
  type Endpoint,
  type FunctionDeployment,
  type FunctionName,
  type FunctionStatus,
  type LogMessage,
  type LogRequest,
  type NamespaceVerbs,
  type Provider,
  type ProviderInfo,
  type PullPolicy,
  type ResolveOptions,
  type ScaleOptions,
  type SecretVerbs,
  type StatusOptions,
  type VersionInfo,
  RoutingTable,
} from '../../provider/index.ts';
import { ReplicaSecrets, SecretStore } from '../../secrets/index.ts';
import { ContainerdFollower } from './containerd-follower.ts';
import { Deployments } from './deployments.ts';
import { FunctionStore } from './desired/function-store.ts';
import { NamespaceStore } from './desired/namespace-store.ts';
import { toProviderError } from './to-provider-error.ts';
import { GenerationImages } from './generation-images.ts';
import type { AtFaultPoint } from './fault-points.ts';
import type { Images } from './images/index.ts';
import { FunctionNamespaces } from './function-namespaces.ts';
import type { Network } from './network/index.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import type { Host } from './replicas/host.ts';
import { secretVerbs } from './function-secrets.ts';
import { hostFeatures } from './runtime-spec/index.ts';
import { berthAnnotations, functionStatus } from './function-status.ts';
import { Sweep } from './sweep.ts';
import { defaultTiming, type Timing } from './timing.ts';
import { usageOf } from './usage.ts';

export interface ContainerdProviderOptions {
  containerd: Containerd;
  images: Images;
  network: Network;
  logs: LogStore;
  snapshotter: string;
  /** Desired state: functions, namespaces, secrets. */
  dataDir: string;
  /** Lost at reboot: replicas' secrets and host files. */
  runDir: string;
  defaultNamespace: string;
  pullPolicy?: PullPolicy;
  version: VersionInfo;
  timing?: Partial<Timing>;
  at?: AtFaultPoint;
  log: Log;
}

const sweepMs = 5 * 60_000;
/** Less than what systemd gives a service to end. */
const longestStopMs = 30_000;

/** The provider on containerd: what is wanted on disk, what is there in containerd, a reconciler between. */
export class ContainerdProvider implements Provider {
  readonly secrets: SecretVerbs;
  readonly namespaces: NamespaceVerbs;
  readonly #containerd: Containerd;
  readonly #logs: LogStore;
  readonly #store: FunctionStore;
  readonly #secretStore: SecretStore;
  readonly #namespaces: FunctionNamespaces;
  readonly #host: Host;
  readonly #routes: RoutingTable;
  readonly #reconciler: Reconciler;
  readonly #deployments: Deployments;
  readonly #sweep: Sweep;
  readonly #follower: ContainerdFollower;
  readonly #timing: Timing;
  readonly #version: VersionInfo;
  readonly #stopping = new AbortController();
  #ready = false;

  static async open(options: ContainerdProviderOptions): Promise<ContainerdProvider> {
    return new ContainerdProvider(options, await hostFeatures());
  }

  private constructor(options: ContainerdProviderOptions, features: Host['features']) {
    const {
      containerd,
      images,
      network,
      logs,
      snapshotter,
      dataDir,
      runDir,
      defaultNamespace,
      version,
      at = () => {},
      log,
    } = options;
    this.#containerd = containerd;
    this.#logs = logs;
    this.#version = version;
    this.#timing = { ...defaultTiming, ...options.timing };
    this.#store = new FunctionStore({ dir: path.join(dataDir, 'functions'), at, log });
    this.#secretStore = new SecretStore({ dir: path.join(dataDir, 'secrets') });
    this.#namespaces = new FunctionNamespaces({
      containerd,
      store: new NamespaceStore({ dir: path.join(dataDir, 'namespaces'), log }),
      defaultNamespace,
      contents: (namespace) => this.#contents(namespace),
      empty: (namespace) => this.#sweep.namespace(namespace),
    });
    this.#host = {
      containerd,
      snapshotter,
      network,
      secrets: this.#secretStore,
      replicaSecrets: new ReplicaSecrets({ runDir, log }),
      logs,
      features,
      replicaFilesDir: path.join(runDir, 'replicas'),
      at,
      log,
    };
    this.#routes = new RoutingTable({ onOutcome: (replica, outcome) => this.#reconciler.callEnded(replica, outcome) });
    const generationImages = new GenerationImages({ images, defaultPolicy: options.pullPolicy });
    this.#reconciler = new Reconciler({
      store: this.#store,
      host: this.#host,
      images: generationImages,
      routes: this.#routes,
      timing: this.#timing,
      replicaDeleted: () => this.#sweep.soon(),
      log,
    });
    const requireNamespace = (name: string) => this.#namespaces.require(name);
    this.#deployments = new Deployments({
      store: this.#store,
      secrets: this.#secretStore,
      images: generationImages,
      reconciler: this.#reconciler,
      requireNamespace,
      answerMs: this.#timing.answerMs,
    });
    this.#sweep = new Sweep({
      host: this.#host,
      images,
      namespaces: this.#namespaces,
      store: this.#store,
      replicaIds: () => this.#reconciler.replicaIds(),
      pulling: (namespace) => this.#deployments.pulling(namespace),
      defaultNamespace,
      log,
    });
    this.#follower = new ContainerdFollower({
      host: this.#host,
      namespaces: this.#namespaces,
      store: this.#store,
      reconciler: this.#reconciler,
      sweep: this.#sweep,
      log,
    });
    this.secrets = castingSecrets(secretVerbs(this.#secretStore, requireNamespace));
    this.namespaces = castingNamespaces(this.#namespaces);
  }

  /** Reads what is wanted, then keeps containerd company in the background: waits for it, adopts, reconciles. */
  async start(): Promise<void> {
    await mkdir(this.#host.replicaFilesDir, { recursive: true, mode: 0o755 });
    await this.#secretStore.start();
    await this.#host.replicaSecrets.start();
    await this.#store.load();
    await this.#logs.start();
    void this.#follower.run(this.#stopping.signal);
    this.#every(this.#timing.resyncMs, () => this.#reconciler.wakeAll());
    this.#every(sweepMs, () => void this.#sweep.all());
  }

  /** The daemon ends; replicas run on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#sweep.stop();
    await Promise.race([this.#reconciler.stop(), sleep(longestStopMs, undefined, { ref: false })]);
    await this.#logs.stop();
  }

  /** Every function has had one attempt to be what it should since the start. */
  get ready(): boolean {
    // Once true it stays so: functions deployed later have their own time to become ready.
    this.#ready ||= this.#follower.adopted && this.#reconciler.settledOnce;
    return this.#ready;
  }

  info(): Promise<ProviderInfo> {
    return Promise.resolve({ provider: 'berth', orchestration: 'containerd', version: this.#version });
  }

  deploy(deployment: FunctionDeployment): Promise<DeployOutcome> {
    return cast(() => this.#deployments.deploy(deployment));
  }

  update(deployment: FunctionDeployment): Promise<DeployOutcome> {
    return cast(() => this.#deployments.update(deployment));
  }

  async remove(name: FunctionName): Promise<void> {
    await cast(() => this.#deployments.remove(name));
    void this.#sweep.images(name.namespace);
  }

  scale(name: FunctionName, replicas: number, options: ScaleOptions = {}): Promise<void> {
    return cast(() => this.#deployments.scale(name, replicas, options));
  }

  rollBack(name: FunctionName): Promise<void> {
    return cast(() => this.#deployments.rollBack(name));
  }

  async list(namespace: string): Promise<FunctionStatus[]> {
    await cast(() => this.#namespaces.require(namespace));
    return this.#store
      .inNamespace(namespace)
      .map((stored) => functionStatus(stored, this.#reconciler.state(stored.function)));
  }

  async status(name: FunctionName, { usage }: StatusOptions): Promise<FunctionStatus> {
    const record = this.#store.get(name);
    if (!record) throw new FunctionNotFoundError(name);
    const state = this.#reconciler.state(name);
    const status = functionStatus({ function: name, record }, state);
    const annotations = { ...status.annotations, ...berthAnnotations(record, state) };
    const running = state ? [...state.replicas.values()].filter(({ task }) => task === 'running') : [];
    const ids = running.map(({ id }) => id);
    if (!usage) return { ...status, annotations };
    const used = await cast(() => usageOf(this.#containerd.namespace(name.namespace), ids));
    return { ...status, annotations, usage: used };
  }

  async resolve(name: FunctionName, options: ResolveOptions): Promise<Endpoint> {
    if (!this.#store.has(name)) throw new FunctionNotFoundError(name);
    return this.#routes.resolve(name, options);
  }

  async logs(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogMessage>> {
    const { name, namespace, follow } = request;
    const exists = this.#store.has({ name, namespace });
    if (!exists && !(await this.#logs.archive.has({ name, namespace }))) throw new FunctionNotFoundError(request);
    // What was removed writes no more, and faas-cli follows unless told otherwise.
    return this.#logs.archive.query({ ...request, follow: follow && exists }, signal);
  }

  async #contents(namespace: string): Promise<string[]> {
    const functions = this.#store.inNamespace(namespace).map((stored) => `function ${stored.function.name}`);
    const secrets = (await this.#secretStore.list(namespace)).map(({ name }) => `secret ${name}`);
    return [...functions, ...secrets];
  }

  #every(periodMs: number, act: () => void): void {
    const timer = setInterval(act, periodMs);
    timer.unref();
    this.#stopping.signal.addEventListener('abort', () => clearInterval(timer));
  }
}

async function cast<T>(verb: () => Promise<T>): Promise<T> {
  try {
    return await verb();
  } catch (error) {
    throw toProviderError(error);
  }
}

function castingSecrets(verbs: SecretVerbs): SecretVerbs {
  return {
    list: (namespace) => cast(() => verbs.list(namespace)),
    create: (secret) => cast(() => verbs.create(secret)),
    update: (secret) => cast(() => verbs.update(secret)),
    remove: (name) => cast(() => verbs.remove(name)),
  };
}

function castingNamespaces(verbs: NamespaceVerbs): NamespaceVerbs {
  return {
    list: () => cast(() => verbs.list()),
    get: (name) => cast(() => verbs.get(name)),
    create: (namespace) => cast(() => verbs.create(namespace)),
    update: (namespace) => cast(() => verbs.update(namespace)),
    remove: (name) => cast(() => verbs.remove(name)),
  };
}
