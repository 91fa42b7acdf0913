import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../../../base/log.ts';
import { InOrder } from '../../../base/in-order.ts';
import type { PartHealth } from '../../../base/part-health.ts';
import { monotonicMs } from '../../../base/monotonic.ts';
import type { EventFeed } from '../../../provider/index.ts';
import { monitorChanges } from './change-monitor.ts';
import type { HostProblem, KeptPart } from './kept-part.ts';

export interface HostKeeperOptions {
  parts: KeptPart[];
  /** Is told what is put right. */
  events?: EventFeed;
  log: Log;
  /** Resolves when changes are no longer told of; `nft monitor` and `ip monitor` unless given. */
  monitor?: (changed: () => void, signal: AbortSignal) => Promise<void>;
}

/** Changes come several at a time, and others may be in the middle of theirs. */
const settleMs = 300;
/** Between looks where no event tells of changes: within five seconds all is right again. */
const withoutEventsMs = 3000;
const longestBackOffMs = 10_000;
const monitorPauseMs = 30_000;
/** After a look: hosts with ten thousand rules take long to list, and may change them all the time. */
const restPerLook = 4;
const longestRestMs = 2500;
/** Between two looks at what follows from the rest, as others may change the host all the time. */
const followingRestMs = 5000;
/** What another program undoes again and again is said once in this time. */
const mutedMs = 10 * 60_000;

/** Keeps the host as functions need it: what others change under us is put right, and said. */
export class HostKeeper {
  readonly #kept: Kept[];
  readonly #log: Log;
  readonly #monitor: NonNullable<HostKeeperOptions['monitor']>;
  readonly #inOrder = new InOrder();
  #hasEvents = false;
  #isRunning = false;

  constructor({ parts, events, log, monitor = monitorChanges }: HostKeeperOptions) {
    this.#kept = parts.map((part) => new Kept(part, log, events));
    this.#log = log;
    this.#monitor = monitor;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The state of each part, for log and metrics. */
  get parts(): PartHealth[] {
    return this.#kept.flatMap((kept) => kept.healths);
  }

  /** Keeps every part, each beside the others and with a back-off of its own. Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#isRunning = true;
    await Promise.all([this.#follow(signal), ...this.#kept.map((kept) => this.#keep(kept, signal))]);
  }

  /** Looks once at every part that does not follow from the others. */
  async look(): Promise<void> {
    const { signal } = new AbortController();
    for (const kept of this.#kept) if (!kept.part.followsOthers) await this.#look(kept, signal);
  }

  /** Resolves when these parts have had their first look since `run`, well or not. */
  async lookedAt(...parts: KeptPart[]): Promise<void> {
    const kept = this.#isRunning ? this.#kept.filter(({ part }) => parts.includes(part)) : [];
    await Promise.all(kept.map(({ looked }) => looked.promise));
  }

  async #look(kept: Kept, signal: AbortSignal): Promise<void> {
    const isOther = await this.#inOrder.run(kept.part.name, () => kept.look(signal));
    if (isOther) for (const { part, bell } of this.#kept) if (part.followsOthers && part !== kept.part) bell.ring();
  }

  async #keep(kept: Kept, signal: AbortSignal): Promise<void> {
    let backOffMs = settleMs;
    while (!signal.aborted) {
      const startMs = monotonicMs();
      await this.#look(kept, signal);
      const tookMs = monotonicMs() - startMs;
      backOffMs = kept.hasFailed ? Math.min(backOffMs * 2, longestBackOffMs) : settleMs;
      const restMs = kept.part.followsOthers ? followingRestMs : Math.min(tookMs * restPerLook, longestRestMs);
      await this.#pause(kept, Math.max(backOffMs, restMs), signal);
    }
  }

  async #pause(kept: Kept, leastMs: number, signal: AbortSignal): Promise<void> {
    const pass = (ms: number) => sleep(ms, undefined, { signal }).catch(() => undefined);
    if (!kept.part.hasEvents && !kept.part.followsOthers) return pass(untilNext(this.#everyMs(kept), leastMs));
    await pass(leastMs);
    await kept.bell.heard(untilNext(this.#everyMs(kept)), signal);
    await pass(settleMs);
  }

  #everyMs({ part, hasFailed }: Kept): number {
    if (hasFailed) return 0;
    if (part.followsOthers) return part.everyMs;
    return part.hasEvents && this.#hasEvents ? part.everyMs : Math.min(part.everyMs, withoutEventsMs);
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const ring = () => this.#kept.filter(({ part }) => part.hasEvents).forEach(({ bell }) => bell.ring());
    while (!signal.aborted) {
      this.#hasEvents = true;
      await this.#monitor(ring, signal);
      this.#hasEvents = false;
      ring();
      if (!signal.aborted) this.#log.debug('cannot follow changes of the network, looking every few seconds instead');
      await sleep(monitorPauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Parts with the same time between looks are looked at in the same moment, so that they wake the process once. */
function untilNext(everyMs: number, leastMs = 0): number {
  return leastMs + (everyMs && everyMs - ((monotonicMs() + leastMs) % everyMs));
}

/** A part with what was found at the last look. */
class Kept {
  readonly part: KeptPart;
  readonly bell = new Bell();
  readonly looked = Promise.withResolvers<void>();
  readonly #log: Log;
  readonly #events: EventFeed | undefined;
  readonly #mutedUntil = new Map<string, number>();
  #problems = new Map<string, HostProblem>();
  #hasFailed = false;

  constructor(part: KeptPart, log: Log, events: EventFeed | undefined) {
    this.part = part;
    this.#log = log;
    this.#events = events;
  }

  /** True where the last look ended in an error, so that it is to be tried again. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  get healths(): PartHealth[] {
    const { name, covers = [name] } = this.part;
    return covers.map((covered) => {
      const problems = [...this.#problems.values()].filter(({ isNote, part = covered }) => !isNote && part === covered);
      return problems.length === 0 ? { name: covered, healthy: true } : unwell(covered, problems);
    });
  }

  /** @returns whether anything is other than it was at the last look */
  async look(signal: AbortSignal): Promise<boolean> {
    try {
      const { mended = [], problems = [] } = await this.part.keep(signal);
      this.#hasFailed = false;
      for (const what of mended) this.#sayMended(what);
      return this.#sayProblems(problems) || mended.length > 0;
    } catch (error) {
      // What is cut off says nothing about the part.
      if (signal.aborted) return false;
      this.#hasFailed = true;
      const message = `the host's ${this.part.name.replaceAll('_', ' ')} could not be put right, will try again`;
      return this.#sayProblems([{ message, fields: { error: describeError(error) } }]);
    } finally {
      this.looked.resolve();
    }
  }

  #sayMended(what: string): void {
    const nowMs = monotonicMs();
    if ((this.#mutedUntil.get(what) ?? 0) > nowMs) return;
    this.#mutedUntil.set(what, nowMs + mutedMs);
    this.#log.warn("put the host's network right", { part: this.part.name, what });
    this.#events?.tell({ kind: 'network-mended', severity: 'warn', text: `put the host's network right: ${what}` });
  }

  #sayProblems(problems: HostProblem[]): boolean {
    const wasHealthy = this.#isHealthy;
    const before = this.#problems;
    this.#problems = new Map(problems.map((problem) => [textOf(problem), problem]));
    for (const [text, { message, fields, isNote }] of this.#problems) {
      if (before.has(text)) continue;
      this.#log.warn(message, fields);
      if (!isNote) this.#events?.tell({ kind: 'part-unwell', severity: 'warn', text });
    }
    if (!wasHealthy && this.#isHealthy)
      this.#sayRight(`the host's ${this.part.name.replaceAll('_', ' ')} is right again`);
    return this.#problems.size !== before.size || [...this.#problems.keys()].some((text) => !before.has(text));
  }

  #sayRight(text: string): void {
    this.#log.info(text);
    this.#events?.tell({ kind: 'part-well', text });
  }

  get #isHealthy(): boolean {
    return this.healths.every(({ healthy }) => healthy);
  }
}

function textOf({ message, fields = {} }: HostProblem): string {
  return [message, ...Object.entries(fields).map(([key, value]) => `${key}: ${String(value)}`)].join(', ');
}

function unwell(name: string, problems: HostProblem[]): PartHealth {
  const mends = problems.flatMap(({ fields: { run } = {} }) => (typeof run === 'string' ? [run] : []));
  const problem = problems.map(textOf).join('; ');
  return { name, healthy: false, problem, ...(mends.length > 0 && { mend: mends.join('; ') }) };
}

/** Rung by events; what rings while nobody listens is heard at once by who listens next. */
class Bell {
  #isRung = false;
  #hear?: () => void;

  ring(): void {
    this.#isRung = true;
    this.#hear?.();
  }

  /** Resolves at a ring, after the given time, or when the signal aborts. */
  async heard(withinMs: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    this.#hear = () => waiting.abort();
    const either = AbortSignal.any([signal, waiting.signal]);
    if (!this.#isRung) await sleep(withinMs, undefined, { signal: either }).catch(() => undefined);
    this.#hear = undefined;
    this.#isRung = false;
  }
}
