import { randomUUID } from 'node:crypto';
import { endToEndHeaders, fullName } from '../../provider/index.ts';
import type { CallRecord, Header, NewCall } from './queue.ts';

/** A function's answer, or the platform's in its stead. */
export interface CallAnswer {
  /** 503 where there was none. */
  status: number;
  /** Name, value, name, value…, as Node's `rawHeaders`. */
  rawHeaders: string[];
  durationMs: number;
  /** How often the call was tried before, and may be at most. */
  retries: number;
  mostRetries: number;
}

/**
 * Makes the callback that posts the answer of a call to where the caller asked for it. Its headers are those that OpenFaaS
 * sends, and the answer's own. Source: https://docs.openfaas.com/reference/async/
 */
export function callbackOf(call: CallRecord, answer: CallAnswer, defaultNamespace: string): NewCall {
  const { fn } = call;
  const own: Header[] = [
    ['X-Call-Id', call.id],
    ['X-Function-Name', fn.namespace === defaultNamespace ? fn.name : fullName(fn)],
    ['X-Function-Status', String(answer.status)],
    ['X-Duration-Seconds', (answer.durationMs / 1000).toFixed(6)],
    ['X-Retry', String(answer.retries)],
    ['X-Retry-Max', String(answer.mostRetries)],
  ];
  const set = new Set(own.map(([name]) => name.toLowerCase()));
  const passed = endToEndHeaders(answer.rawHeaders).filter(([name]) => {
    const lower = name.toLowerCase();
    return !set.has(lower) && !notPosted.has(lower);
  });
  const headers = [...passed, ...own];
  return { id: randomUUID(), kind: 'callback', fn, path: '', headers, url: call.url ?? '', parent: call.id };
}

/** What would mean something else in a request than in an answer. */
const notPosted = new Set([
  'expect',
  'forwarded',
  'user-agent',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);
