import type { CallRecord, CallResult } from './queue.ts';

/** A call as it is in the stream: the last message of its subject is its record, and all that is known of it. */
export interface JetstreamCall extends CallRecord {
  /** The message that it was read from, or was written as. */
  seq: number;
  /** Grows with each call that is added: newest first is by it. */
  order: number;
  bodyBytes: number;
  /** A short body, while it is kept; a long one is an object. */
  body?: Buffer | undefined;
  bodyObject?: string | undefined;
  /** The process that has taken it. */
  owner?: string | undefined;
  /** Made anew with each change: tells a change of ours that was written without our knowing. */
  change: string;
}

/** What a message tells in its header, so that all calls can be looked through without their bodies. */
export type CallSummary = Pick<
  JetstreamCall,
  | 'id'
  | 'seq'
  | 'kind'
  | 'fn'
  | 'state'
  | 'dueMs'
  | 'endedMs'
  | 'isDead'
  | 'order'
  | 'bodyBytes'
  | 'bodyObject'
  | 'owner'
  | 'change'
>;

export const summaryHeader = 'Berth-Call';

/** What a message tells in its other header: who wrote it, and what the call was before; nothing where it is new. */
export interface ChangeNote {
  by: string;
  before?: Pick<CallSummary, 'seq' | 'state' | 'isDead' | 'dueMs' | 'bodyBytes'>;
}

export const changeHeader = 'Berth-Change';

export function changeNoteOf(by: string, call: CallSummary | undefined): ChangeNote {
  if (!call) return { by };
  const { seq, state, isDead, dueMs, bodyBytes } = call;
  return { by, before: { seq, state, dueMs, bodyBytes, ...(isDead && { isDead }) } };
}

export function summaryOf(call: CallSummary): CallSummary {
  const { id, seq, kind, fn, state, dueMs, endedMs, isDead, order, bodyBytes, bodyObject, owner, change } = call;
  return {
    ...{ id, seq, kind, fn, state, dueMs, order, bodyBytes, bodyObject, owner, change },
    ...(endedMs !== undefined && { endedMs }),
    ...(isDead && { isDead }),
  };
}

/** A message: how long its JSON is, in four bytes, the JSON, the body, the kept answer. */
export function encodeCall({ body = Buffer.alloc(0), result, ...record }: JetstreamCall): Buffer {
  const kept = result ? { contentType: result.contentType } : undefined;
  const json = Buffer.from(JSON.stringify({ ...record, bodyLength: body.length, kept }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([length, json, body, result?.body ?? Buffer.alloc(0)]);
}

type EncodedCall = Omit<JetstreamCall, 'body' | 'result'> & { bodyLength: number; kept?: Omit<CallResult, 'body'> };

export function decodeCall(data: Uint8Array, seq: number): JetstreamCall {
  const message = Buffer.from(data);
  const bodyAt = 4 + message.readUInt32BE(0);
  const { bodyLength, kept, ...record } = JSON.parse(message.toString('utf8', 4, bodyAt)) as EncodedCall;
  const resultAt = bodyAt + bodyLength;
  return {
    ...record,
    seq,
    ...(bodyLength > 0 && { body: message.subarray(bodyAt, resultAt) }),
    ...(kept && { result: { ...kept, body: message.subarray(resultAt) } }),
  };
}

/** What others are told of a call. */
export function recordOf(call: JetstreamCall): CallRecord {
  const record: Partial<JetstreamCall> & CallRecord = { ...call };
  for (const key of ['seq', 'order', 'bodyBytes', 'body', 'bodyObject', 'owner', 'change'] as const) delete record[key];
  return record;
}
