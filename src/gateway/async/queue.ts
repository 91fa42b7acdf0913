import type { Readable } from 'node:stream';
import type { FunctionName } from '../../provider/index.ts';

/**
 * `queued` waits for its turn or for its next attempt, `running` is being made. The others are ends: `done` with an answer that
 * is not tried again, `failed` after the last attempt, `cancelled` by somebody who knows the password.
 */
export type CallState = 'queued' | 'running' | CallEnd;
export type CallEnd = 'done' | 'failed' | 'cancelled';

/** A header as it is sent, its name as it was written. */
export type Header = [name: string, value: string];

/** What is to be called. `callback` posts an answer to `url`; both kinds are queued, tried again and seen alike. */
export type CallKind = 'call' | 'callback';

/** A call as it is put on the queue; its body comes beside it. */
export interface NewCall {
  /** `[A-Za-z0-9_.-]{1,64}`, new in the queue. */
  id: string;
  kind: CallKind;
  /** The function that is called, or whose answer is posted. */
  fn: FunctionName;
  /** What follows the function's name: path and query, with a `/` at its start. Empty for a callback. */
  path: string;
  /** End-to-end headers, `X-Call-Id` among them. */
  headers: Header[];
  /** Where the answer is posted; for a callback where it is posted itself. */
  url?: string;
  /** When it is due, in milliseconds since the epoch; at once when absent. */
  dueMs?: number;
  /** The call that it comes from: of a callback the one that was answered, of a dead letter the one that failed. */
  parent?: string;
}

/** The answer of the last attempt. */
export interface Attempt {
  /** The HTTP status; absent when there was no answer. */
  status?: number;
  /** What went wrong, in one line, where there was no answer or it was the platform's. */
  error?: string;
  beganMs: number;
  endedMs: number;
}

/** What is known of a call; times are in milliseconds since the epoch. */
export interface CallRecord extends NewCall {
  state: CallState;
  /** How often it was tried, the attempt under way included. */
  attempts: number;
  queuedMs: number;
  /** When the next attempt is due, while it is queued. */
  dueMs: number;
  /** The last attempt that has ended. */
  last?: Attempt;
  /** When it came to its end. */
  endedMs?: number;
  /** It failed for good and its body is kept: it can be replayed. */
  isDead?: boolean;
  /** The function's answer, where the function has it kept. */
  result?: CallResult;
}

/** An answer that is kept with its call: small ones only. */
export interface CallResult {
  contentType?: string;
  body: Buffer;
}

/** A call that was taken, and is nobody else's until it is finished, or tried again, or this process is gone. */
export interface TakenCall extends CallRecord {
  state: 'running';
  /** Reads its body from the start; any number of times. */
  body(): Readable;
  bodyBytes: number;
}

/** How a call has ended, and what is queued because of it. */
export interface Ending {
  state: CallEnd;
  last?: Attempt;
  result?: CallResult;
  /** Keeps the body, so that it can be replayed. */
  isDead?: boolean;
  /** Put on the queue in the same step: the callback, or the call of a dead-letter function. */
  follows?: { call: NewCall; body: Readable | Buffer }[];
}

/** Calls of one lane that wait. A lane is a kind of calls of one function: none waits behind another's. */
export interface Lane {
  fn: FunctionName;
  kind: CallKind;
  /** How many wait, those that are not yet due included. */
  queued: number;
  /** When the first of them is due, in milliseconds since the epoch. */
  dueMs: number;
}

/** How many calls are in each state; `dead` are those of `failed` that can be replayed. */
export type StateCounts = Record<CallState, number> & { dead: number };

export interface ListOptions {
  fn?: FunctionName;
  state?: CallState | 'dead';
  /** At most so many, newest first. */
  limit: number;
  /** Only those older than this call. */
  before?: string;
}

export interface AddOptions {
  /** The most bytes that the body may have; more rejects with BodyTooLargeError. */
  bodyLimitBytes: number;
}

/**
 * Calls that are made later. What resolves has been made durable: it is there after a power cut. One process works on a queue,
 * but for one that was told to end and only finishes what it has taken.
 */
export interface Queue {
  /**
   * Puts a call on the queue. The body is written as it comes and never held in memory.
   * @throws CallExistsError when a call of this id is known
   * @throws QueueFullError when as many calls or bytes wait as may
   * @throws BodyTooLargeError when the body is longer than it may be
   */
  add(call: NewCall, body: Readable | Buffer, options?: AddOptions): Promise<void>;

  /** The lanes in which calls wait, from memory. */
  lanes(): Iterable<Lane>;
  /** How many calls of a function are queued or running, callbacks apart, from memory. */
  pending(fn: FunctionName): number;
  /** Calls `listener` when a lane may have become due earlier than it was. */
  onWaiting(listener: () => void): void;

  /** Takes the calls of a lane that are due, the earliest first, at most so many. Each counts as one more attempt. */
  take(lane: Pick<Lane, 'fn' | 'kind'>, most: number): Promise<TakenCall[]>;
  /** Queues a call that was taken anew; `uncounted` where the attempt was cut short by ourselves and is none. */
  retry(id: string, options: { dueMs: number; last?: Attempt; uncounted?: boolean }): Promise<void>;
  /**
   * Ends a call that was taken. What follows it and is known by its id already is left as it is. Nothing happens to a call that this
   * process has not taken, nor by `retry`.
   */
  finish(id: string, ending: Ending): Promise<void>;

  /**
   * Ends a queued call as cancelled. Resolves with the state that it had; one that is running goes on, for its worker to abort
   * and finish; undefined when there is none of this id.
   */
  cancel(id: string): Promise<CallState | undefined>;
  /**
   * Queues a dead call anew, with no attempts counted.
   * @returns false when it is not dead; undefined when there is none of this id
   */
  replay(id: string): Promise<boolean | undefined>;

  get(id: string): Promise<CallRecord | undefined>;
  /** Lists calls without their results. */
  list(options: ListOptions): Promise<CallRecord[]>;
  /** Counts the calls of each function, by its full name, callbacks apart. */
  counts(): Promise<Map<string, StateCounts>>;

  /** Queues what other processes had taken, which are gone. */
  recover(): Promise<void>;
  /** Forgets the calls that ended before a moment, in milliseconds since the epoch. Resolves with how many. */
  expire(endedBeforeMs: number): Promise<number>;
  /** Writes what is under way and lets go of the store. */
  close(): Promise<void>;
}
