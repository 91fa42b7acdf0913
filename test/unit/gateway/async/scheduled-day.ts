import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createLog } from '../../../../src/base/log.ts';
import { CallExistsError } from '../../../../src/gateway/async/queue-errors.ts';
import type { CallState, NewCall } from '../../../../src/gateway/async/queue.ts';
import { Schedules, type ScheduleClock } from '../../../../src/gateway/async/schedules.ts';
import type { FunctionStatus } from '../../../../src/provider/index.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;

/** What was queued; calls end at once unless the test says otherwise. */
class QueuedCalls {
  readonly calls: (NewCall & { body: string })[] = [];
  readonly states = new Map<string, CallState>();
  /** Thrown instead of queueing anything. */
  error?: Error;
  /** Nothing resolves any more, as in a process that is killed, from the end of the next call on. */
  isKilledByNext = false;

  add(call: NewCall, body: unknown): Promise<void> {
    if (this.error) return Promise.reject(this.error);
    if (this.states.has(call.id)) return Promise.reject(new CallExistsError(call.id));
    this.states.set(call.id, 'done');
    this.calls.push({ ...call, body: String(body) });
    return this.isKilledByNext ? new Promise(() => {}) : Promise.resolve();
  }

  get(id: string) {
    const state = this.states.get(id);
    return Promise.resolve(state === undefined ? undefined : ({ id, state } as never));
  }
}

/** A wall clock that the test moves: on, with what is paused, or by a step. */
class TestClock implements ScheduleClock {
  #wallMs: number;
  #pause?: { untilMs: number; end: () => void };
  #idle = Promise.withResolvers<void>();

  constructor(wallMs: number) {
    this.#wallMs = wallMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  pause(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = () => {
      if (this.#pause?.end !== end) return;
      this.#pause = undefined;
      this.#idle = Promise.withResolvers();
      resolve();
    };
    this.#pause = { untilMs: this.#wallMs + ms, end };
    signal.addEventListener('abort', end);
    this.#idle.resolve();
    return promise;
  }

  /** Resolves when the schedules wait for the clock. */
  idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** What waits is gone. */
  forget(): void {
    this.#pause = undefined;
    this.#idle = Promise.withResolvers();
  }

  /** Goes on to a moment at most, and no further than what is paused. */
  async advance(wallMs: number): Promise<void> {
    const { untilMs = Infinity, end } = this.#pause ?? {};
    this.#wallMs = Math.min(wallMs, untilMs);
    if (untilMs > wallMs) return;
    end?.();
    await this.idle();
  }

  /** Somebody sets the clock: what is paused goes on for as long as it would have. */
  step(ms: number): void {
    this.#wallMs += ms;
    if (this.#pause) this.#pause.untilMs += ms;
  }
}

/** A function with a topic of schedules. */
export function scheduled(name: string, annotations: Record<string, string>): FunctionStatus {
  return {
    name,
    namespace: 'openfaas-fn',
    image: 'i',
    labels: {},
    annotations: { topic: 'cron-function', ...annotations },
    replicas: 1,
    availableReplicas: 1,
  };
}

/** Schedules whose clock is the test's, over restarts of the process. */
export class ScheduledDay {
  readonly queue = new QueuedCalls();
  readonly clock: TestClock;
  readonly lines: string[] = [];
  readonly path: string;
  functions: FunctionStatus[] = [];
  schedules: Schedules;
  #process = new AbortController();
  #running?: Promise<void>;

  readonly #isShared: boolean;

  private constructor(path: string, start: string, isShared: boolean) {
    this.path = path;
    this.#isShared = isShared;
    this.clock = new TestClock(Date.parse(start));
    this.schedules = this.#make();
  }

  static async begin(
    t: ExecutionContext,
    start: string,
    functions: FunctionStatus[],
    { isShared = false } = {},
  ): Promise<ScheduledDay> {
    const folder = await mkdtemp(join(tmpdir(), 'berth-schedules-'));
    const day = new ScheduledDay(join(folder, 'schedules.json'), start, isShared);
    t.teardown(async () => {
      await day.stop();
      await rm(folder, { recursive: true });
    });
    day.functions = functions;
    await day.start();
    return day;
  }

  async start(): Promise<void> {
    this.schedules = this.#make();
    await this.schedules.read();
    this.#running = this.schedules.run(this.#process.signal);
    await this.list();
  }

  /** The autoscaler lists the functions. */
  async list(): Promise<void> {
    await this.clock.idle();
    this.schedules.follow(this.functions);
    await this.clock.idle();
  }

  /** The daemon ends, all written. */
  async stop(): Promise<void> {
    this.#process.abort();
    await this.#running;
    this.#process = new AbortController();
    this.clock.forget();
  }

  /** The daemon is killed while the next call is queued, which is then durable and noted nowhere. */
  async killInNextCall(untilMs: number): Promise<void> {
    this.queue.isKilledByNext = true;
    const before = this.queue.calls.length;
    void this.pass(untilMs);
    while (this.queue.calls.length === before) await new Promise((resolve) => setImmediate(resolve));
    this.queue.isKilledByNext = false;
    this.#running = undefined;
    this.#process = new AbortController();
    this.clock.forget();
  }

  /** Time passes to a moment, the functions being listed each half a minute. */
  async pass(untilMs: number): Promise<void> {
    let listMs = this.clock.nowMs();
    while (this.clock.nowMs() < untilMs) {
      if (this.clock.nowMs() >= listMs) {
        await this.list();
        listMs += minuteMs / 2;
      }
      await this.clock.advance(Math.min(untilMs, listMs));
    }
    await this.list();
  }

  /** Hours and minutes of UTC at which a function's calls were queued, by their ids. */
  runs(name: string): string[] {
    return this.queue.calls.filter(({ fn }) => fn.name === name).map(({ id }) => id.slice(id.lastIndexOf('-') + 1));
  }

  #make(): Schedules {
    const log = createLog({ level: 'info', journal: true, write: (line) => this.lines.push(line) });
    return new Schedules({ queue: this.queue, path: this.path, isShared: this.#isShared, log, clock: this.clock });
  }
}
