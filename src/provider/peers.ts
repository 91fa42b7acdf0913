import type { FunctionName } from './types.ts';

/** What one gateway measures of a function's calls. */
export interface FunctionLoad extends FunctionName {
  /** Calls under way, those that are held for a replica included. */
  inFlight: number;
  /** The most that were under way at once lately. */
  peakInFlight: number;
  /** Calls that end in a second, lately. */
  endedPerSecond: number;
  /** For how long there was no call, in milliseconds; 0 while one is under way. */
  idleMs: number;
}

/**
 * What several gateways in front of one back end know of each other: one of them scales for all, by what all have measured. But
 * for `run` and `changeNote` its members answer at once, and are asked every second.
 */
export interface Peers {
  /** Takes part until the signal aborts, and resolves when another may lead. Never rejects. */
  run(signal: AbortSignal): Promise<void>;

  /** Whether this gateway scales for all. At no time do two, also where one of them cannot reach the others. */
  readonly isLeading: boolean;

  /** Takes what this gateway measures now, of functions that scale and had calls lately; what was told before counts no more. */
  tell(loads: FunctionLoad[]): void;

  /** Returns what the other gateways told lately: a function is in it once for each of them that has calls of it. */
  others(): FunctionLoad[];

  /** A short text that all gateways have in common, as it was last heard of; empty where there was none yet. */
  readonly note: string;

  /**
   * Changes the common text. Resolves when it is changed for all, and rejects when it could not be.
   * @param next makes the new text of the present one, maybe more than once: where another gateway was first
   */
  changeNote(next: (note: string) => string): Promise<void>;
}
