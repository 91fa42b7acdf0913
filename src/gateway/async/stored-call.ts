import type { SQLOutputValue } from 'node:sqlite';
import type { FullName } from '../../provider/index.ts';
import type { Attempt, CallKind, CallRecord, CallResult, CallState, Ending, Header, NewCall } from './queue.ts';

/** Where the body of a call is: a short one with its record, another in a file. */
export interface StoredBody {
  bytes: number;
  short?: Uint8Array;
  /** The name of its file. */
  file?: string;
}

/** As the store's thread knows what has a function: by its full name. */
type InStore<T extends { fn: unknown }> = Omit<T, 'fn'> & { fn: FullName };

export type CallToStore = InStore<NewCall> & { body: StoredBody };
export interface StoredCall {
  record: InStore<CallRecord>;
  body: StoredBody;
}

export type StoredEnding = Omit<Ending, 'follows'> & { follows: CallToStore[] };

/** A row of the table `calls`. */
export type StoredRow = Record<string, SQLOutputValue>;

/** Reads a row of the table `calls`; what a damaged disk has made unreadable is left out. */
export function callOf(row: StoredRow): StoredCall {
  const isDead = row.state === 'dead';
  const record = {
    id: row.id as string,
    kind: row.kind as CallKind,
    fn: row.fn as FullName,
    path: row.path as string,
    headers: fromJson<Header[]>(row.headers) ?? [],
    state: isDead ? 'failed' : (row.state as CallState),
    attempts: row.attempts as number,
    queuedMs: row.queued_ms as number,
    dueMs: row.due_ms as number,
    ...present({
      url: row.url as string | null,
      parent: row.parent as string | null,
      last: fromJson<Attempt>(row.last),
      endedMs: row.ended_ms as number | null,
      isDead: isDead || undefined,
      result: resultOf(row),
    }),
  };
  const place = { short: row.body as Uint8Array | null, file: row.file as string | null };
  return { record, body: { bytes: row.body_bytes as number, ...present(place) } };
}

function resultOf({ result, result_type: type }: StoredRow): CallResult | undefined {
  if (!(result instanceof Uint8Array)) return undefined;
  return { body: Buffer.from(result), ...present({ contentType: type as string | null }) };
}

/** Leaves out what is not there. */
function present<T extends object>(values: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof T]?: NonNullable<T[Key]> };
}

/** Reads a column of JSON; undefined when it holds nothing that can be read. */
export function fromJson<T>(text: SQLOutputValue | undefined): T | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
