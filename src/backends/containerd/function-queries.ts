import type { Containerd } from '../../containerd/index.ts';
import type { LogStore } from '../../logs/index.ts';
import {
  FunctionNotFoundError,
  ProviderError,
  StartFailedError,
  type Endpoint,
  type FunctionFromFile,
  type FunctionName,
  type FunctionStatus,
  type LogMessage,
  type LogRequest,
  type ReplicaStatus,
  type ResolveOptions,
  type RoutingTable,
  type StatusOptions,
} from '../../provider/index.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import { annotationsWithFault, functionFacts, functionStatus } from './function-status.ts';
import { OlderProcesses } from './older-processes.ts';
import type { FunctionStates } from './reconcile/function-states.ts';
import type { Replica } from './reconcile/replica.ts';
import { replicaStatuses } from './replica-status.ts';
import { usageOf } from './usage.ts';

export interface FunctionQueriesOptions {
  containerd: Containerd;
  store: FunctionStore;
  states: FunctionStates;
  namespaces: FunctionNamespaces;
  routes: RoutingTable;
  logs: LogStore;
}

/** The verbs that ask: which functions there are, how they are, where they answer, what they wrote. */
export class FunctionQueries {
  readonly #parts: FunctionQueriesOptions;
  readonly #processes = new OlderProcesses();

  constructor(parts: FunctionQueriesOptions) {
    this.#parts = parts;
  }

  async list(namespace: string): Promise<FunctionStatus[]> {
    const { namespaces, store, states } = this.#parts;
    await namespaces.require(namespace);
    return store.inNamespace(namespace).map((stored) => functionStatus(stored, states.get(stored.function)));
  }

  /** @throws ProviderError 503 where it is not known of every function */
  fromFiles(): FunctionFromFile[] {
    const { store } = this.#parts;
    if (store.isClosed) throw new ProviderError(503, "what is stored of functions cannot be read: see berth's log");
    return store.all().flatMap(({ function: fn, record: { file } }) => (file ? { ...fn, file } : []));
  }

  async status(name: FunctionName, { usage }: StatusOptions): Promise<FunctionStatus> {
    const { containerd, store, states, routes } = this.#parts;
    const record = store.get(name);
    if (!record) throw new FunctionNotFoundError(name);
    const state = states.get(name);
    const plain = functionStatus({ function: name, record }, state);
    const ready = routes.targets(name).map(({ replica }) => replica);
    const status: FunctionStatus = { ...plain, berth: { ...functionFacts(record, state), ready } };
    if (!usage) return status;
    const running = [...(state?.replicas.values() ?? [])].filter(({ task }) => task === 'running');
    const ids = running.map(({ id }) => id);
    const annotations = annotationsWithFault(status, record);
    return { ...status, annotations, usage: await usageOf(containerd.namespace(name.namespace), ids) };
  }

  async replicas(name: FunctionName): Promise<ReplicaStatus[]> {
    const { containerd, store, states, routes } = this.#parts;
    await this.#processes.find(containerd.namespace(name.namespace), states.get(name)?.replicas.values() ?? []);
    const record = store.get(name);
    if (!record) throw new FunctionNotFoundError(name);
    const state = states.get(name);
    const beganMs = (replica: Replica) => this.#processes.beganMs(replica);
    return state ? replicaStatuses(record, state, (id) => routes.inFlight(id), beganMs) : [];
  }

  resolve(name: FunctionName, options: ResolveOptions): Promise<Endpoint> {
    const { store, routes } = this.#parts;
    if (store.has(name)) return routes.resolve(name, options);
    return Promise.reject(store.isUnreadable(name) ? unreadable(name) : new FunctionNotFoundError(name));
  }

  resolveNow(name: FunctionName): Endpoint | undefined {
    const { store, routes } = this.#parts;
    return store.has(name) ? routes.resolveNow(name) : undefined;
  }

  async logs(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogMessage>> {
    const { store, logs } = this.#parts;
    const { name, namespace, follow } = request;
    const exists = store.has({ name, namespace });
    if (!exists && !(await logs.archive.has({ name, namespace }))) throw new FunctionNotFoundError(request);
    // What was removed writes no more, and faas-cli follows unless told otherwise.
    return logs.archive.query({ ...request, follow: follow && exists }, signal);
  }
}

function unreadable(name: FunctionName): StartFailedError {
  const reason = 'what is stored of it cannot be read';
  return new StartFailedError(name, { reason, retryAfterMs: 30_000 });
}
