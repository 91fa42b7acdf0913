import { describeError, type Log } from '../../../base/log.ts';
import {
  type CallOutcome,
  type FunctionDeployment,
  type FunctionName,
  fullName,
  functionPort,
  type ProbeSettings,
  type RoutingTable,
  workloadOf,
} from '../../../provider/index.ts';
import { untilFailing, untilReady, type ProbeTarget } from '../replicas/probe.ts';
import type { Network } from '../network/index.ts';
import type { ReplicaState } from './function-state.ts';

/** The watchdog says so often in a row that its process is gone before we believe it. */
const watchdogErrorLimit = 5;

export interface WatchesOptions {
  network: Network;
  routes: RoutingTable;
  wake: (fn: FunctionName) => void;
  log: Log;
}

/** What goes on beside the passes for each running replica: its probes, and while it drains the end of its calls. */
export class Watches {
  readonly #network: Network;
  readonly #routes: RoutingTable;
  readonly #wake: (fn: FunctionName) => void;
  readonly #log: Log;

  constructor({ network, routes, wake, log }: WatchesOptions) {
    this.#network = network;
    this.#routes = routes;
    this.#wake = wake;
    this.#log = log;
  }

  /** Watches a running replica's health, unless it is watched already. */
  health(fn: FunctionName, replica: ReplicaState, deployment: FunctionDeployment): void {
    if (replica.watch) return;
    const watch = (replica.watch = new AbortController());
    this.#probe(fn, replica, deployment, watch.signal).catch((error: unknown) => {
      if (watch.signal.aborted) return;
      this.#log.warn('cannot probe replica', {
        function: fullName(fn),
        replica: replica.id,
        error: describeError(error),
      });
      replica.stopWatching();
    });
  }

  async #probe(
    fn: FunctionName,
    replica: ReplicaState,
    deployment: FunctionDeployment,
    signal: AbortSignal,
  ): Promise<void> {
    const isBusy = () => this.#routes.inFlight(replica.id) > 0;
    const target: ProbeTarget = { hostname: await this.#address(replica), port: functionPort };
    const workload = workloadOf(deployment);
    const readiness = fromStart(replica, workload.readiness);
    const liveness = fromStart(replica, workload.liveness);
    if (!replica.ready) await untilReady(target, readiness, signal);
    this.#setReady(fn, replica, true);
    const live = untilFailing(target, liveness, signal, isBusy).then(() => 'unhealthy' as const);
    // Without a path of its own readiness would ask what liveness asks.
    const unready = readiness.path ? untilFailing(target, readiness, signal, isBusy) : new Promise<void>(() => {});
    const verdict = await Promise.race([live, unready.then(() => 'unready' as const)]);
    signal.throwIfAborted();
    this.#log.warn(`replica is ${verdict}`, { function: fullName(fn), replica: replica.id });
    replica.unhealthy = verdict === 'unhealthy';
    // The next pass watches it anew, until it is ready or replaced.
    replica.stopWatching();
    this.#setReady(fn, replica, false);
  }

  async #address(replica: ReplicaState): Promise<string> {
    replica.ip ??= (await this.#network.attachment(replica.id))?.ip;
    if (!replica.ip) throw new Error('it has no network attachment');
    return replica.ip;
  }

  #setReady(fn: FunctionName, replica: ReplicaState, ready: boolean): void {
    if (ready && !replica.ready) {
      replica.readySinceMs = Date.now();
      this.#log.info('replica ready', { function: fullName(fn), replica: replica.id, ip: replica.ip });
    }
    replica.ready = ready;
    this.#wake(fn);
  }

  /** Waits for the end of a draining replica's calls. Only after the routes were set: then the last call has come. */
  drain(fn: FunctionName, replica: ReplicaState): void {
    if (replica.drained || replica.watch) return;
    const watch = (replica.watch = new AbortController());
    const done = () => {
      if (watch.signal.aborted) return;
      replica.stopWatching();
      replica.drained = true;
      this.#wake(fn);
    };
    const timer = setTimeout(done, Math.max(0, replica.drainUntilMs - Date.now()));
    watch.signal.addEventListener('abort', () => clearTimeout(timer));
    this.#routes.whenIdle(replica.id, done);
  }

  /** How a call went, as the router saw it. */
  callEnded(fn: FunctionName, replica: ReplicaState, { failure, status, watchdogError }: CallOutcome): void {
    if (!replica.ready) return;
    // A watchdog also says 504 for a call past its limit, and 429: then its process is there.
    const withoutProcess = watchdogError === true && status === 500;
    replica.watchdogErrors = withoutProcess ? replica.watchdogErrors + 1 : 0;
    const unreachable = failure === 'unreachable';
    const broken = replica.watchdogErrors >= watchdogErrorLimit;
    if (!unreachable && !broken) return;
    const reason = broken ? 'its watchdog has no process' : 'it cannot be reached';
    this.#log.warn('replica leaves the routes', { function: fullName(fn), replica: replica.id, reason });
    // Out of reach may pass, so it is probed again; a watchdog without its process stays so.
    replica.unhealthy = broken;
    replica.stopWatching();
    this.#setReady(fn, replica, false);
  }
}

/** The initial delay counts from the start of the process, so one that ran already when the daemon came has none. */
function fromStart({ startedAtMs }: ReplicaState, settings: ProbeSettings): ProbeSettings {
  return { ...settings, initialDelayMs: Math.max(0, startedAtMs + settings.initialDelayMs - Date.now()) };
}
