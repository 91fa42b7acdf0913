import { randomBytes } from 'node:crypto';
import { monotonicMs } from '../base/monotonic.ts';
import type { FunctionName } from './types.ts';

export type EventKind =
  | 'deployed'
  | 'updated'
  | 'update-failed'
  | 'rolled-back'
  | 'restarted'
  | 'removed'
  | 'scaled'
  | 'woken'
  | 'asleep'
  | 'replica-ready'
  | 'start-failed'
  | 'replica-exited'
  | 'out-of-memory'
  | 'replica-unready'
  | 'part-unwell'
  | 'part-well'
  | 'network-mended'
  | 'image-pulled'
  | 'secret-changed'
  | 'namespace-changed'
  | 'berth-started';

/** What happened to a function or to the host, to be told. */
export interface Happening extends Partial<FunctionName> {
  kind: EventKind;
  /** `info` where it is absent. */
  severity?: 'info' | 'warn' | 'error';
  /** One sentence, in words that an operator searches for; never a secret's value. */
  text: string;
  /** Id of the replica that it happened to. */
  replica?: string;
}

/** One thing that happened lately on this host. */
export interface SystemEvent extends Happening {
  severity: 'info' | 'warn' | 'error';
  /** `START-NUMBER`: of this start of the process, and counted in it, so that no other event ever has it. */
  id: string;
  /** When it was told, RFC 3339. */
  at: string;
}

/** What happened lately, and what happens. A back end may have an EventFeed as its own. */
export interface EventSource {
  /** Returns the last events, oldest first. */
  recent(): SystemEvent[];
  /** Calls the listener at each event from now on, until the function that it returns is called. */
  follow(listener: (event: SystemEvent) => void): () => void;
  /** Adds what the gateway in front has done, such as waking a function. */
  tell(happening: Happening): void;
}

const keptEvents = 1000;
const longestText = 400;
/** The same may be told so often at once, as of the replicas of a function. */
const untilMuted = 5;
/** Then once in this time, which doubles while it goes on. */
const firstPauseMs = 60_000;
const longestPauseMs = 60 * 60_000;
const rememberedRepeats = 1000;

/** How often the same was told of the same function. */
interface Repeats {
  told: number;
  untold: number;
  pauseMs: number;
  lastMs: number;
  nextMs: number;
}

/**
 * Keeps the last 1000 events. What happens to one function again and again, as in a crash loop, is counted, and told now and
 * then with that count.
 */
export class EventFeed implements EventSource {
  readonly #start = randomBytes(5).toString('hex');
  readonly #events: SystemEvent[] = [];
  readonly #listeners = new Set<(event: SystemEvent) => void>();
  readonly #repeats = new Map<string, Repeats>();
  readonly #nowMs: () => number;
  #count = 0;

  /** @param nowMs gives the time of a clock that is never set; only tests have another */
  constructor(nowMs: () => number = monotonicMs) {
    this.#nowMs = nowMs;
  }

  recent(): SystemEvent[] {
    return [...this.#events];
  }

  follow(listener: (event: SystemEvent) => void): () => void {
    // Of its own, so that each of two that follow with the same function is called.
    const own = (event: SystemEvent) => listener(event);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell({ kind, severity = 'info', text, name, namespace, replica }: Happening): void {
    const repeats = this.#repeated([kind, name, namespace, text].join('\n'));
    if (!repeats) return;
    const more = repeats.untold > 0 ? ` (and ${repeats.untold} times more since it was told last)` : '';
    repeats.untold = 0;
    this.#count += 1;
    const id = `${this.#start}-${this.#count}`;
    const line = `${shortened(text)}${more}`;
    const event = { id, at: new Date().toISOString(), kind, severity, text: line, name, namespace, replica };
    this.#events.push(event);
    if (this.#events.length > keptEvents) this.#events.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Counts what happened; returns undefined where it is not to be told now. */
  #repeated(key: string): Repeats | undefined {
    const nowMs = this.#nowMs();
    const known = this.#repeats.get(key);
    const isOver = !known || nowMs - known.lastMs > 2 * known.pauseMs;
    const repeats = isOver ? { told: 0, untold: 0, pauseMs: firstPauseMs, lastMs: nowMs, nextMs: nowMs } : known;
    repeats.lastMs = nowMs;
    this.#remember(key, repeats);
    repeats.told += 1;
    if (repeats.told < untilMuted) return repeats;
    if (nowMs < repeats.nextMs) {
      repeats.untold += 1;
      return undefined;
    }
    repeats.nextMs = nowMs + repeats.pauseMs;
    repeats.pauseMs = Math.min(2 * repeats.pauseMs, longestPauseMs);
    return repeats;
  }

  /** Those that were told of last stay. */
  #remember(key: string, repeats: Repeats): void {
    this.#repeats.delete(key);
    this.#repeats.set(key, repeats);
    const [oldest] = this.#repeats.keys();
    if (this.#repeats.size > rememberedRepeats && oldest !== undefined) this.#repeats.delete(oldest);
  }
}

/** On one line, and no longer than what a page shows of it: what a function wrote last may be part of it. */
function shortened(text: string): string {
  const line = text.replaceAll(/[\r\n]+/g, ' ');
  return line.length > longestText ? `${line.slice(0, longestText).toWellFormed()}…` : line;
}
