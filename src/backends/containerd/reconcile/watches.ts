import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../../base/log.ts';
import { monotonicMs } from '../../../base/monotonic.ts';
import {
  type CallOutcome,
  type FunctionDeployment,
  type FunctionName,
  fullName,
  functionPort,
  type ProbeSettings,
  type Workload,
  workloadOf,
} from '../../../provider/index.ts';
import { untilFailing, untilReady, type ProbeTarget } from '../replicas/probe.ts';
import { hasServerBehindWatchdog } from '../replicas/upstream-server.ts';
import type { StepParts } from './reconciler-parts.ts';
import type { Replica } from './replica.ts';

interface Watch {
  what: Replica['watched'] | 'start';
  ending: AbortController;
  /** Resolves as a process that is being started answers. */
  ready?: Promise<void>;
}

/** What the probes of one replica have in common. */
interface Probing {
  target: ProbeTarget;
  replica: Replica;
  /** Whether it may answer nothing for as long as this, as it works. */
  isBusy: (failingMs: number) => boolean;
  /** Resolves as it answers, where it was asked since its process began. */
  begun?: Promise<void>;
  signal: AbortSignal;
}

/** What the health of a replica is told by. */
interface Watched {
  deployment: FunctionDeployment;
  /** As of `Watch`. */
  ready?: Promise<void>;
  signal: AbortSignal;
}

/** What goes on beside the passes for each running replica: its probes, and while it drains the end of its calls. */
export class Watches {
  readonly #parts: StepParts;
  readonly #watches = new Map<string, Watch>();
  #othersDone: Promise<void> = Promise.resolve();

  constructor(parts: StepParts) {
    this.#parts = parts;
  }

  /**
   * Watches what is to be watched of a replica now, unless it is watched already. Only after the routes were set: then the
   * last call of one that drains has come.
   * @param deployment of its generation, if that is still wanted
   */
  watch(fn: FunctionName, replica: Replica, deployment: FunctionDeployment | undefined): void {
    const what = replica.watched;
    const before = this.#watches.get(replica.id);
    const isStarting = before?.what === 'start';
    if (before?.what === what || (isStarting && replica.isBusy)) return;
    const begun = isStarting && what === 'health' ? before : undefined;
    if (!begun) this.end(replica);
    if (what === 'drain') this.#drain(fn, replica, this.#begin(replica));
    if (what === 'health' && deployment) {
      this.#health(fn, replica, { deployment, ready: begun?.ready, signal: this.#begin(replica, begun?.ending) });
    }
  }

  /** Until then a replica may have calls that another daemon has sent, so that none counts as drained before its time is up. */
  othersDone(done: Promise<void>): void {
    this.#othersDone = done;
  }

  /** A process is being started: from its first answer on it runs and is ready, also where containerd has yet to say so. */
  starting(
    fn: FunctionName,
    replica: Replica,
    { ip, deployment }: { ip: string; deployment: FunctionDeployment },
  ): void {
    this.end(replica);
    const { readiness } = workloadOf(deployment);
    // It counts from when the process runs.
    if (readiness.initialDelayMs > 0) return;
    const ending = new AbortController();
    const probed = () => untilReady({ hostname: ip, port: functionPort }, readiness, ending.signal);
    const ready = this.#parts.traces.timed(replica)('probe', probed);
    this.#watches.set(replica.id, { what: 'start', ending, ready });
    const answered = () => {
      if (ending.signal.aborted) return;
      if (replica.task !== 'running') replica.started(ip, monotonicMs());
      this.#ready(fn, replica);
    };
    ready.then(answered, () => {});
  }

  #begin(replica: Replica, ending = new AbortController()): AbortSignal {
    this.#watches.set(replica.id, { what: replica.watched, ending });
    return ending.signal;
  }

  end({ id }: Pick<Replica, 'id'>): void {
    this.#watches.get(id)?.ending.abort();
    this.#watches.delete(id);
  }

  stop(): void {
    for (const id of this.#watches.keys()) this.end({ id });
  }

  #health(fn: FunctionName, replica: Replica, watched: Watched): void {
    this.#probe(fn, replica, watched).catch((error: unknown) => {
      if (watched.signal.aborted) return;
      this.#parts.log.warn('cannot probe replica', {
        function: fullName(fn),
        replica: replica.id,
        error: describeError(error),
      });
      this.end(replica);
    });
  }

  async #probe(fn: FunctionName, replica: Replica, { deployment, ready: begun, signal }: Watched): Promise<void> {
    const hostname = await this.#address(replica);
    signal.throwIfAborted();
    if (hostname === undefined) return this.#found('unhealthy', fn, replica, 'it has no network attachment');
    const workload = workloadOf(deployment);
    const isBusy = this.#isBusy(replica, Math.max(replica.limits.drainMs ?? 0, this.#parts.timing.hungMs));
    const probing: Probing = { target: { hostname, port: functionPort }, replica, isBusy, begun, signal };
    const ready = Promise.withResolvers<void>();
    const unready = this.#untilUnready(probing, workload.readiness, () => {
      this.#ready(fn, replica);
      ready.resolve();
    });
    const verdict = await Promise.race([unready, this.#untilUnhealthy(probing, workload, ready.promise)]);
    signal.throwIfAborted();
    this.#found(verdict, fn, replica);
  }

  async #untilUnready(probing: Probing, settings: ProbeSettings, onReady: () => void): Promise<'unready'> {
    const { target, replica, isBusy, begun, signal } = probing;
    const readiness = fromStart(replica, settings);
    const probed = () => untilReady(target, readiness, signal);
    if (!replica.takesCalls) await (begun ?? this.#parts.traces.timed(replica)('probe', probed));
    onReady();
    // Without a path of its own readiness would ask what liveness asks.
    if (readiness.path) await untilFailing(target, readiness, signal, isBusy);
    else await new Promise<void>(() => {});
    return 'unready';
  }

  /** What was ready once is to go on answering, ready or not; what runs since before the daemon has its time to show it. */
  async #untilUnhealthy(probing: Probing, workload: Workload, ready: Promise<void>): Promise<'unhealthy'> {
    const { target, replica, isBusy, signal } = probing;
    if (!replica.wasReady) {
      const startMs = Math.max(this.#parts.timing.startMs, workload.startAllowedMs);
      const adopted = replica.startedAtMs === undefined ? [sleep(startMs, undefined, { signal, ref: false })] : [];
      await Promise.race([ready, ...adopted]);
    }
    await untilFailing(target, fromStart(replica, workload.liveness), signal, isBusy);
    return 'unhealthy';
  }

  #found(verdict: 'unready' | 'unhealthy', fn: FunctionName, replica: Replica, reason?: string): void {
    this.#parts.log.warn(`replica is ${verdict}`, { function: fullName(fn), replica: replica.id, reason });
    this.#tellUnready(fn, replica, `a replica is ${verdict}${reason === undefined ? '' : `: ${reason}`}`);
    if (verdict === 'unhealthy') replica.becameUnhealthy();
    else replica.becameUnready();
    this.#watchAnew(fn, replica);
  }

  /** A function at work may have no thread left for a probe; one that answers nothing for `hungMs` does not work but hang. */
  #isBusy(replica: Replica, hungMs: number): Probing['isBusy'] {
    return (failingMs) => {
      const silentMs = Math.min(failingMs, monotonicMs() - replica.answeredAtMs);
      return this.#parts.routes.inFlight(replica.id) > 0 && silentMs < hungMs;
    };
  }

  async #address(replica: Replica): Promise<string | undefined> {
    const ip = replica.ip ?? (await this.#parts.host.network.attachment(replica.id))?.ip;
    if (ip) replica.addressFound(ip);
    return ip;
  }

  #ready(fn: FunctionName, replica: Replica): void {
    // What a daemon before had ready is no news.
    const isNews = replica.startedAtMs !== undefined || replica.wasReady;
    if (replica.becameReady(monotonicMs())) {
      this.#parts.log.info('replica ready', { function: fullName(fn), replica: replica.id, ip: replica.ip });
      this.#parts.states.of(fn).generation(replica.generation).becameReady();
      const told = { kind: 'replica-ready', text: `a replica is ready at ${replica.ip}` } as const;
      if (isNews) this.#parts.host.events.tell({ ...fn, replica: replica.id, ...told });
      this.#parts.traces.ready(fn, replica);
    }
    this.#parts.wake(fn, { look: false });
  }

  /** The next pass watches it again, until it is ready or replaced. */
  #watchAnew(fn: FunctionName, replica: Replica): void {
    this.end(replica);
    this.#parts.wake(fn);
  }

  #drain(fn: FunctionName, replica: Replica, signal: AbortSignal): void {
    const done = () => {
      if (signal.aborted) return;
      replica.drained();
      this.#watchAnew(fn, replica);
    };
    const timer = setTimeout(done, Math.max(0, replica.drainUntilMs - monotonicMs()));
    signal.addEventListener('abort', () => clearTimeout(timer));
    this.#parts.routes.whenIdle(replica.id, () => void this.#othersDone.then(done));
  }

  /** A call has ended, as the router saw it: a replica that does not do its work leaves the routes. */
  callEnded(fn: FunctionName, replica: Replica, outcome: CallOutcome): void {
    const wrong = replica.callEnded(outcome, monotonicMs());
    if (wrong === 'unreachable') this.#leaves(fn, replica, 'it cannot be reached');
    if (wrong === 'no-process') void this.#lookForProcess(fn, replica);
  }

  #tellUnready(fn: FunctionName, { id: replica }: Replica, text: string): void {
    this.#parts.host.events.tell({ ...fn, replica, kind: 'replica-unready', severity: 'warn', text });
  }

  #leaves(fn: FunctionName, replica: Replica, reason: string): void {
    this.#parts.log.warn('replica leaves the routes', { function: fullName(fn), replica: replica.id, reason });
    this.#tellUnready(fn, replica, `a replica is called no more: ${reason}`);
    this.#watchAnew(fn, replica);
  }

  /** A watchdog without its process stays so; one whose process breaks off calls that it does not like is well. */
  async #lookForProcess(fn: FunctionName, replica: Replica): Promise<void> {
    try {
      const { pid } = await this.#parts.host.containerd.namespace(fn.namespace).tasks.get(replica.id);
      if (await hasServerBehindWatchdog(pid)) return;
    } catch (error) {
      const said = { function: fullName(fn), replica: replica.id, error: describeError(error) };
      return this.#parts.log.debug('could not look whether a watchdog has its process', said);
    }
    replica.becameUnhealthy();
    this.#leaves(fn, replica, 'its watchdog has no process');
  }
}

/** The initial delay counts from the start of the process, so one that ran already when the daemon came has none. */
function fromStart(replica: Replica, settings: ProbeSettings): ProbeSettings {
  return { ...settings, initialDelayMs: replica.delayLeftMs(settings.initialDelayMs, monotonicMs()) };
}
