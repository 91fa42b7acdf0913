import { nuid } from '@nats-io/transport-node';
import type { JetstreamCall } from './jetstream-call.ts';
import type { Ending, NewCall, Queue } from './queue.ts';
import type { JetstreamBody } from './jetstream-bodies.ts';

/** Longer answers are not kept. */
const resultBytes = 262_144;

/** A call that is not in the stream yet. */
export function newCall(call: NewCall, body: JetstreamBody, order: number): JetstreamCall {
  const queuedMs = Date.now();
  const dueMs = call.dueMs ?? queuedMs;
  return { ...call, ...body, state: 'queued', attempts: 0, queuedMs, dueMs, seq: 0, order, change: nuid.next() };
}

/** Taken by `owner`. */
export function begun(call: JetstreamCall, owner: string): JetstreamCall {
  return { ...call, state: 'running', attempts: call.attempts + 1, owner, change: nuid.next() };
}

export function queuedAnew(call: JetstreamCall, options: Parameters<Queue['retry']>[1]): JetstreamCall {
  const { dueMs, last = call.last, uncounted } = options;
  const attempts = call.attempts - (uncounted ? 1 : 0);
  return { ...call, state: 'queued', dueMs, attempts, ...(last && { last }), owner: undefined, change: nuid.next() };
}

export function ended(call: JetstreamCall, { state, last, result, isDead }: Omit<Ending, 'follows'>): JetstreamCall {
  const { body, bodyObject, ...rest } = call;
  return {
    ...rest,
    ...(isDead && { isDead, body, bodyObject }),
    ...(last && { last }),
    ...(result && result.body.length <= resultBytes && { result }),
    ...{ state, endedMs: Date.now(), owner: undefined, change: nuid.next() },
  };
}

/** Undefined unless it is dead. */
export function replayed(call: JetstreamCall): JetstreamCall | undefined {
  if (!call.isDead) return undefined;
  const queued: JetstreamCall = { ...call, state: 'queued', attempts: 0, dueMs: Date.now(), change: nuid.next() };
  delete queued.endedMs;
  delete queued.isDead;
  delete queued.result;
  return queued;
}
