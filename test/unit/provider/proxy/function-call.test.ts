import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import test from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import type { PlainAnswer } from '../../../../src/base/plain-line.ts';
import { FunctionCall, type FunctionCallContext } from '../../../../src/provider/proxy/function-call.ts';
import type { ProxyOutcome, ProxyTarget } from '../../../../src/provider/proxy/index.ts';
import { type CallOutcome, NoEndpointsError } from '../../../../src/provider/index.ts';

interface Made {
  call: FunctionCall;
  /** What the road was asked for, sending by sending. */
  sent: ProxyTarget[];
  /** What each endpoint was told when it was given back. */
  released: CallOutcome[];
  /** What the caller was told, and nothing when the function answered it. */
  answers: (PlainAnswer | undefined)[];
}

/** A call over a road with these outcomes in turn; the n-th endpoint has port n. */
function makeCall(outcomes: ProxyOutcome[], options: Partial<FunctionCallContext> = {}, readySinceMs?: number): Made {
  const req = Object.assign(new IncomingMessage(new Socket()), { url: '/function/env/a?b' });
  const sent: ProxyTarget[] = [];
  const released: CallOutcome[] = [];
  const answers: (PlainAnswer | undefined)[] = [];
  const finish = (answer?: PlainAnswer) => {
    answers.push(answer);
    return answer?.status ?? 200;
  };
  let resolved = 0;
  const send = (target: ProxyTarget) => {
    sent.push(target);
    return Promise.resolve(outcomes[sent.length - 1] ?? { status: 200 });
  };
  const call = new FunctionCall(
    req,
    { send, onLeave: () => () => {}, finish },
    {
      defaultNamespace: 'openfaas-fn',
      log: silentLog,
      resolve: () =>
        Promise.resolve({ hostname: 'h', port: ++resolved, readySinceMs, release: (o) => void released.push(o) }),
      ...options,
    },
  );
  return { call, sent, released, answers };
}

const stale: ProxyOutcome = { failure: 'reset', canReplay: true, wasSent: false, onKeptConnection: true };
const notReady: ProxyOutcome = {
  isIdempotent: true,
  status: 500,
  watchdogError: true,
  isNotReady: true,
  canReplay: true,
  wasSent: true,
};

test('a call that a closed kept connection broke asks for a new connection to the same endpoint, once', async (t) => {
  const { call, sent, released, answers } = makeCall([stale]);
  await call.run();
  t.deepEqual(answers, [undefined]);
  t.deepEqual(
    sent.map(({ port, newConnection }) => [port, newConnection]),
    [
      [1, false],
      [1, true],
    ],
  );
  t.deepEqual(released, [{ status: 200, watchdogError: undefined, failure: undefined }]);
});

test('a new connection that breaks too sends the call to another endpoint, over any connection', async (t) => {
  const { call, sent } = makeCall([stale, { ...stale, onKeptConnection: false }]);
  await call.run();
  t.deepEqual(
    sent.map(({ port, newConnection }) => [port, newConnection]),
    [
      [1, false],
      [1, true],
      [2, false],
    ],
  );
});

test('a process that is waited for is asked again at its endpoint, over any connection', async (t) => {
  const { call, sent, released } = makeCall([stale, notReady, notReady], {}, performance.now());
  await call.run();
  t.deepEqual(
    sent.map(({ port, newConnection }) => [port, newConnection]),
    [
      [1, false],
      [1, true],
      [1, false],
      [1, false],
    ],
  );
  t.is(released.length, 1);
});

for (const [title, readySinceMs, isHeld] of [
  ['of a fresh replica is held back', performance.now(), true],
  ['of a replica that has served for long is passed on', performance.now() - 60_000, false],
] as const) {
  test(`the road is told that a "not ready" ${title}`, async (t) => {
    const { call, sent } = makeCall([], {}, readySinceMs);
    await call.run();
    t.is(sent[0]?.holdsBack?.(notReady), isHeld);
    t.is(sent[0]?.holdsBack?.({ ...notReady, canReplay: false }), false);
  });
}

test('the time limit is one for all sendings of a call', async (t) => {
  const { call, sent } = makeCall([notReady, notReady], { upstreamTimeoutMs: 1_000 }, performance.now());
  await call.run();
  const [first = 0, second = 0, third = 0] = sent.map(({ timeoutMs }) => timeoutMs);
  t.true(first <= 1_000 && second < first && third < second && third > 0);
});

test('a call that its caller has left is not sent, and gets no answer', async (t) => {
  const { call, sent, released, answers } = makeCall([]);
  call.abandon();
  await call.run();
  t.deepEqual(answers, [undefined]);
  t.deepEqual(sent, []);
  t.is(released[0]?.failure, 'aborted');
});

test('a call is counted once, however many endpoints it takes, and with the status that it ends with', async (t) => {
  const seen: unknown[] = [];
  const onCall = (fn: object) => {
    seen.push(fn);
    return { end: (status: number) => void seen.push(status) };
  };
  const { call } = makeCall([{ failure: 'unreachable', canReplay: true }], { onCall });
  await call.run();
  t.deepEqual(seen, [{ name: 'env', namespace: 'openfaas-fn' }, 200]);
});

test('headers that name the call go with every sending', async (t) => {
  const { call, sent } = makeCall([stale], { callHeaders: () => ({ 'X-Call-Id': 'mine' }) });
  await call.run();
  t.deepEqual(call.headers, { 'X-Call-Id': 'mine' });
  t.deepEqual(
    sent.map(({ headers }) => headers),
    [call.headers, call.headers],
  );
});

test('an error that is for the caller is the answer, with the headers that name the call', async (t) => {
  const { call, answers } = makeCall([], {
    callHeaders: () => ({ 'X-Call-Id': 'mine' }),
    resolve: (fn) => Promise.reject(new NoEndpointsError(fn)),
  });
  await call.run();
  t.is(answers.length, 1);
  t.like(answers[0], { status: 503, message: 'No endpoints available for: env.' });
  t.is(answers[0]?.headers?.['X-Call-Id'], 'mine');
});
