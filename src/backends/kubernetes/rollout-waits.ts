import {
  fullName,
  type DeployOutcome,
  type FullName,
  type FunctionName,
  type RoutingTable,
} from '../../provider/index.ts';
import { generationLabel } from './cluster-labels.ts';
import { refusalOf } from './function-facts.ts';
import type { FunctionWatch, NamespaceObjects } from './function-watch.ts';
import { podTrouble } from './pod-trouble.ts';

/** Has who deploys wait for the new version, as far as the cluster says soon how it is. */
export class RolloutWaits {
  readonly #watch: FunctionWatch;
  readonly #routes: RoutingTable;
  readonly #answerMs: number;
  readonly #waits = new Map<FullName, Set<() => void>>();

  /** @param options `answerMs`: how long a caller waits at most, in milliseconds */
  constructor(options: { watch: FunctionWatch; routes: RoutingTable; answerMs: number }) {
    this.#watch = options.watch;
    this.#routes = options.routes;
    this.#answerMs = options.answerMs;
    options.watch.onNamespace((namespace, objects) => this.#follow(namespace, objects));
  }

  #follow(namespace: string, { deployments, pods, slices }: NamespaceObjects): void {
    const look = ({ group: name }: { group: string }) => {
      for (const wait of this.#waits.get(fullName({ name, namespace })) ?? []) wait();
    };
    deployments.onChange(look);
    pods.onChange(look);
    slices.onChange(look);
  }

  /** Resolves to `ready` when a replica of the version takes calls, and to `accepted` when none can for now, or after a while. */
  async outcome(fn: FunctionName, generation: string): Promise<DeployOutcome> {
    const { promise, resolve } = Promise.withResolvers<DeployOutcome>();
    const look = () => {
      const outcome = this.#outcomeNow(fn, generation);
      if (outcome) resolve(outcome);
    };
    const waits = this.#waits.get(fullName(fn)) ?? new Set();
    this.#waits.set(fullName(fn), waits.add(look));
    const timer = setTimeout(() => resolve('accepted'), this.#answerMs);
    look();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      waits.delete(look);
      if (waits.size === 0) this.#waits.delete(fullName(fn));
    }
  }

  #outcomeNow(fn: FunctionName, generation: string): DeployOutcome | undefined {
    const known = this.#watch.find(fn);
    // Somebody has changed or removed it since.
    if (known?.versions.current.generation !== generation) return 'accepted';
    if (known.object.spec?.replicas === 0 || readyGenerations(fn, this.#watch, this.#routes).has(generation))
      return 'ready';
    const pods = this.#watch.pods(fn).filter(({ metadata }) => metadata?.labels?.[generationLabel] === generation);
    const hasFailed = pods.some((pod) => (podTrouble(pod)?.kind ?? 'unready') !== 'unready');
    const isRefused = pods.length === 0 && refusalOf(known.object) !== undefined;
    return hasFailed || isRefused ? 'accepted' : undefined;
  }
}

/** Returns which versions of a function take calls. */
export function readyGenerations(fn: FunctionName, watch: FunctionWatch, routes: RoutingTable): Set<string> {
  const pods = watch.objects(fn.namespace)?.pods;
  const generations = routes
    .targets(fn)
    .map(({ replica }) => pods?.get(replica)?.metadata?.labels?.[generationLabel] ?? '');
  return new Set(generations);
}
