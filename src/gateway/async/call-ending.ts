import { randomUUID } from 'node:crypto';
import { plainLine } from '../../base/plain-line.ts';
import { fullName, type AsyncRule, type FunctionName } from '../../provider/index.ts';
import type { MadeCall } from './call-sender.ts';
import type { CallAnswer } from './callback-call.ts';
import type { Attempt, CallRecord, CallResult, Ending, Header, NewCall, TakenCall } from './queue.ts';

export interface EndingOptions {
  rule: AsyncRule;
  hasFailed: boolean;
  /** Makes the callback that posts an answer. */
  callbackOf: (call: CallRecord, answer: CallAnswer) => NewCall;
}

/** Returns what is kept of an attempt. */
export function attemptOf({ status, error, beganMs, endedMs }: Attempt): Attempt {
  return { status, error, beganMs, endedMs };
}

/** Makes the end of a call: what is kept of it, and who is given its answer, or the call itself where it failed. */
export function endingOf(call: TakenCall, outcome: MadeCall, options: EndingOptions): Ending {
  const { rule, hasFailed } = options;
  // A dead letter is nobody's but its function's: two could send it to and fro.
  const buried = hasFailed && call.parent === undefined ? rule.deadLetter : undefined;
  const follows: Ending['follows'] = [];
  if (call.url !== undefined) follows.push(callbackFor(call, outcome, options));
  if (buried)
    follows.push({ call: deadLetterOf(call, outcome, buried), body: call.bodyBytes === 0 ? empty : call.body() });
  return {
    state: hasFailed ? 'failed' : 'done',
    last: attemptOf(outcome),
    result: rule.keepsResult ? resultOf(outcome) : undefined,
    isDead: hasFailed && !buried,
    follows,
  };
}

const empty = Buffer.alloc(0);

function callbackFor(call: TakenCall, outcome: MadeCall, { rule, callbackOf }: EndingOptions) {
  const { status = 503, rawHeaders, durationMs, isFinal, error, body } = outcome;
  const counts = { durationMs, retries: call.attempts - 1, mostRetries: rule.retry.attempts };
  if (isFinal !== true) return { call: callbackOf(call, { status, rawHeaders, ...counts }), body: body.read() };
  const plain = ['Content-Type', 'text/plain; charset=utf-8'];
  return {
    call: callbackOf(call, { status: 502, rawHeaders: plain, ...counts }),
    body: Buffer.from(plainLine(error ?? 'the answer cannot be posted')),
  };
}

function resultOf({ status, rawHeaders, body }: MadeCall): CallResult | undefined {
  if (status === undefined || !body.isInMemory) return undefined;
  const at = rawHeaders.findIndex((name, place) => place % 2 === 0 && name.toLowerCase() === 'content-type');
  return { contentType: at === -1 ? undefined : rawHeaders[at + 1], body: body.inMemory() };
}

/** Makes a call of the dead-letter function: the call that failed, with its history in headers. */
function deadLetterOf(call: TakenCall, outcome: MadeCall, fn: FunctionName): NewCall {
  const id = randomUUID();
  const history: Header[] = [
    ['X-Dead-Letter-Call-Id', call.id],
    ['X-Dead-Letter-Function', fullName(call.fn)],
    ['X-Dead-Letter-Attempts', String(call.attempts)],
    ['X-Dead-Letter-Status', String(outcome.status ?? 503)],
    ['X-Dead-Letter-Queued-At', new Date(call.queuedMs).toISOString()],
    ['X-Dead-Letter-Failed-At', new Date(outcome.endedMs).toISOString()],
  ];
  const passed = call.headers.filter(([name]) => !/^(x-call-id|x-callback-url|x-dead-letter-.*)$/i.test(name));
  const headers: Header[] = [...passed, ['X-Call-Id', id], ...history];
  return { id, kind: 'call', fn, path: call.path, headers, parent: call.id };
}
