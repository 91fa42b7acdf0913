import { isUtf8 } from 'node:buffer';
import type { FunctionName } from '../../provider/index.ts';
import type { CallRecord, CallResult, CallState, StateCounts } from './queue.ts';

/** A call as the API tells of it; moments are in RFC 3339. Headers are not told, as callers log in with them. */
export interface CallView {
  id: string;
  kind: CallRecord['kind'];
  function: string;
  namespace: string;
  path: string;
  state: CallState;
  /** It failed for good, and can be replayed. */
  dead: boolean;
  /** How often it was tried, the attempt under way included. */
  attempts: number;
  queuedAt: string;
  /** When the next attempt is due, while it waits for one. */
  dueAt?: string;
  /** The last attempt that has ended. */
  lastStatus?: number;
  lastError?: string;
  lastBeganAt?: string;
  lastEndedAt?: string;
  endedAt?: string;
  callbackUrl?: string;
  /** The call that it comes from. */
  parent?: string;
  /** The function's answer, where it is kept; as text where it is one. */
  result?: { contentType?: string } & ({ text: string } | { base64: string });
}

export function callView(call: CallRecord): CallView {
  const { id, kind, fn, path, state, isDead: dead = false, attempts, last, url, parent, result } = call;
  return {
    id,
    kind,
    function: fn.name,
    namespace: fn.namespace,
    path,
    state,
    dead,
    attempts,
    queuedAt: moment(call.queuedMs),
    ...(state === 'queued' && { dueAt: moment(call.dueMs) }),
    ...(last && {
      lastStatus: last.status,
      lastError: last.error,
      lastBeganAt: moment(last.beganMs),
      lastEndedAt: moment(last.endedMs),
    }),
    ...(call.endedMs !== undefined && { endedAt: moment(call.endedMs) }),
    ...(url !== undefined && { callbackUrl: url }),
    ...(parent !== undefined && { parent }),
    ...(result && { result: resultView(result) }),
  };
}

function moment(ms: number): string {
  return new Date(ms).toISOString();
}

function resultView({ contentType, body }: CallResult): CallView['result'] {
  const content = isUtf8(body) ? { text: body.toString() } : { base64: body.toString('base64') };
  return { ...(contentType !== undefined && { contentType }), ...content };
}

/** The calls of a function, counted. */
export interface FunctionCounts extends FunctionName, StateCounts {}
