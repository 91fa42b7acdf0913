import { monotonicMs } from '../../base/monotonic.ts';
import { callLimitsOf, type FunctionName, type RouteTarget, type RoutingTable } from '../../provider/index.ts';
import { incarnationLabel } from './cluster-labels.ts';
import { callableEndpoints } from './endpoint-targets.ts';
import { refusalOf } from './function-facts.ts';
import type { FunctionWatch, KnownFunction, NamespaceObjects } from './function-watch.ts';
import { isContainerReady, podTrouble, type TroubleKind } from './pod-trouble.ts';

/** How long calls of a function that cannot start are told so at once. */
const failedMs = 10_000;
/** The same where the cluster takes no Pod: it says so once, and tries again ever more rarely. */
const refusedMs = 10 * 60_000;
/** How long a replica that could not be reached is left out, unless the cluster says something of it before. */
const unreachableMs = 1000;

/** Keeps the routing table as the cluster's slices of endpoints are. */
export class FunctionRoutes {
  readonly #watch: FunctionWatch;
  readonly #routes: RoutingTable;

  constructor(watch: FunctionWatch, routes: RoutingTable) {
    this.#watch = watch;
    this.#routes = routes;
    watch.onNamespace((namespace, objects) => this.#follow(namespace, objects));
    routes.onOutcome((fn, _replica, { failure }) => {
      // The table has left it out, and the cluster may have nothing to say of what went by.
      if (failure === 'unreachable') setTimeout(() => this.set(fn), unreachableMs).unref();
    });
  }

  #follow(namespace: string, { deployments, pods, slices }: NamespaceObjects): void {
    const set = ({ group: name }: { group: string }) => this.set({ name, namespace });
    deployments.onChange(set);
    slices.onChange(set);
    pods.onChange(({ group: name }) => this.#setFailure({ name, namespace }));
  }

  /** Sets the routes of one function to what is known of it. */
  set(fn: FunctionName): void {
    const known = this.#watch.find(fn);
    if (!known) {
      this.#routes.delete(fn);
      return;
    }
    const { maxInflight } = callLimitsOf(known.versions.current.deployment.envVars ?? {});
    const since = new Map(this.#routes.targets(fn).map(({ replica, readySinceMs }) => [replica, readySinceMs]));
    const now = monotonicMs();
    const targets = this.#endpoints(fn, known).map((endpoint): RouteTarget => ({
      ...endpoint,
      maxInflight,
      readySinceMs: since.get(endpoint.replica) ?? now,
    }));
    this.#routes.set(fn, targets);
    this.#setFailure(fn);
  }

  #endpoints(fn: FunctionName, { object, incarnation }: KnownFunction) {
    // Of one that is put to sleep nobody is called who ends.
    if (object.spec?.replicas === 0) return [];
    const { slices, pods } = this.#watch.objects(fn.namespace) ?? {};
    // Slices have the labels of their Service.
    const own = slices?.group(fn.name).filter(({ metadata }) => metadata?.labels?.[incarnationLabel] === incarnation);
    return callableEndpoints(own ?? [], (replica) => isContainerReady(pods?.get(replica)));
  }

  #setFailure(fn: FunctionName): void {
    const known = this.#watch.find(fn);
    if (!known) return;
    const pods = this.#watch.pods(fn).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    const troubles = pods.map((pod) => podTrouble(pod));
    // A node may come that has room, and what starts may become ready.
    const isHopeless = pods.length > 0 && troubles.every((trouble) => trouble && isFinal(trouble.kind));
    const [trouble] = troubles;
    if (pods.length === 0 && refusalOf(known.object) !== undefined)
      this.#routes.setFailed(fn, { reason: 'the cluster takes no replica of it', retryInMs: refusedMs });
    else
      this.#routes.setFailed(fn, isHopeless && trouble ? { reason: trouble.summary, retryInMs: failedMs } : undefined);
  }
}

function isFinal(kind: TroubleKind): boolean {
  return kind !== 'room' && kind !== 'restarted' && kind !== 'unready';
}
