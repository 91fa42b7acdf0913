import {
  FunctionNotFoundError,
  type Endpoint,
  type FunctionName,
  type FunctionStatus,
  type ReplicaStatus,
  type ResolveOptions,
  type RoutingTable,
  type StatusOptions,
} from '../../provider/index.ts';
import { clusterFacts, clusterStatus } from './function-facts.ts';
import type { FunctionWatch, KnownFunction } from './function-watch.ts';
import type { PodMetrics } from './pod-metrics.ts';
import { podReplicas } from './pod-replicas.ts';
import { lastWarning } from './pod-warnings.ts';
import { readyGenerations } from './rollout-waits.ts';

export interface ClusterQueriesOptions {
  watch: FunctionWatch;
  routes: RoutingTable;
  metrics: PodMetrics;
}

/** The verbs that ask. They are answered of what the watch knows: but for usage nobody asks the API server anything. */
export class ClusterQueries {
  readonly #parts: ClusterQueriesOptions;

  constructor(parts: ClusterQueriesOptions) {
    this.#parts = parts;
  }

  list(namespace: string): FunctionStatus[] {
    return this.#parts.watch.functions(namespace).map((known) => this.#statusOf(known));
  }

  async status(fn: FunctionName, { usage }: StatusOptions): Promise<FunctionStatus> {
    const { watch, routes, metrics } = this.#parts;
    const known = watch.get(fn);
    const ready = readyGenerations(fn, watch, routes);
    const replicas = routes.targets(fn).map(({ replica }) => replica);
    const { warnings } = watch.require(fn.namespace);
    const warningOf = (pod: string) => lastWarning(warnings, pod);
    const berth = clusterFacts(known, watch.pods(fn), { ready, replicas, warningOf });
    const status = { ...this.#statusOf(known), berth };
    const used = usage ? await metrics.usage(fn) : undefined;
    return used ? { ...status, usage: used } : status;
  }

  replicas(fn: FunctionName): ReplicaStatus[] {
    const { watch, routes } = this.#parts;
    watch.get(fn);
    const called = new Set(routes.targets(fn).map(({ replica }) => replica));
    return podReplicas(
      watch.pods(fn),
      (id) => called.has(id),
      (id) => routes.inFlight(id),
    );
  }

  resolve(fn: FunctionName, options: ResolveOptions): Promise<Endpoint> {
    const { watch, routes } = this.#parts;
    if (watch.find(fn)) return routes.resolve(fn, options);
    return Promise.reject(new FunctionNotFoundError(fn));
  }

  resolveNow(fn: FunctionName): Endpoint | undefined {
    const { watch, routes } = this.#parts;
    return watch.find(fn) ? routes.resolveNow(fn) : undefined;
  }

  #statusOf(known: KnownFunction): FunctionStatus {
    const { watch, routes } = this.#parts;
    const fn = known.versions.current.deployment;
    return clusterStatus(known, routes.targets(fn).length, readyGenerations(fn, watch, routes));
  }
}
