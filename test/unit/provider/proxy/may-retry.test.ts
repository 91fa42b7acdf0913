import test from 'ava';
import { mayRetry, type Retry, type Tries } from '../../../../src/provider/proxy/may-retry.ts';
import type { ProxyOutcome } from '../../../../src/provider/proxy/index.ts';

const first: Tries = { brokenEndpoints: 0, resets: 0, isFresh: false };
const fresh: Tries = { ...first, isFresh: true };
const unreachable: ProxyOutcome = { failure: 'unreachable', canReplay: true };
const reset: ProxyOutcome = { failure: 'reset', canReplay: true, wasSent: true };
const idempotentReset: ProxyOutcome = { ...reset, isIdempotent: true };
const mayHaveSeen: ProxyOutcome = {
  status: 500,
  watchdogError: true,
  isNotReady: true,
  canReplay: true,
  wasSent: true,
};
const notReady: ProxyOutcome = { ...mayHaveSeen, isIdempotent: true };

const rows: [title: string, facts: ProxyOutcome, tries: Tries, retry: Retry][] = [
  ['answered', { status: 200 }, first, 'no'],
  ["answered with the function's own 503", { status: 503, canReplay: true }, fresh, 'no'],
  ['the caller left', { failure: 'aborted', canReplay: true }, first, 'no'],
  ['the caller left before anything was sent', { failure: 'aborted', canReplay: true, wasSent: false }, first, 'no'],
  ['over the time limit', { failure: 'timeout', canReplay: true, isIdempotent: true }, first, 'no'],

  ['unreachable', unreachable, first, 'another endpoint'],
  ['unreachable, the second', unreachable, { ...first, brokenEndpoints: 1 }, 'another endpoint'],
  ['unreachable, the third', unreachable, { ...first, brokenEndpoints: 2 }, 'no'],
  ['unreachable after a reset', unreachable, { ...first, brokenEndpoints: 1, resets: 1 }, 'another endpoint'],
  ['unreachable, body not kept', { ...unreachable, canReplay: false }, first, 'no'],

  ['reset, POST', reset, first, 'no'],
  ['reset, POST of which nothing was sent', { ...reset, wasSent: false }, first, 'another endpoint'],
  ['reset, GET', idempotentReset, first, 'another endpoint'],
  ['reset, PUT with a body not kept', { ...idempotentReset, canReplay: false }, first, 'no'],
  ['reset, GET, in the middle of the reply', { ...idempotentReset, status: 200 }, first, 'no'],
  ['reset, GET, after another reset', idempotentReset, { ...first, brokenEndpoints: 1, resets: 1 }, 'no'],
  ['reset, GET, after an unreachable one', idempotentReset, { ...first, brokenEndpoints: 1 }, 'another endpoint'],
  ['reset, GET, the third endpoint', idempotentReset, { ...first, brokenEndpoints: 2 }, 'no'],

  [
    'reset, GET on a kept connection',
    { ...idempotentReset, onKeptConnection: true },
    first,
    'same endpoint, new connection',
  ],
  [
    'reset, GET on a kept connection, the last endpoint',
    { ...idempotentReset, onKeptConnection: true },
    { brokenEndpoints: 2, resets: 1, isFresh: false },
    'same endpoint, new connection',
  ],
  [
    'reset, POST on a kept connection of which nothing was sent',
    { ...reset, wasSent: false, onKeptConnection: true },
    first,
    'same endpoint, new connection',
  ],
  ['reset, POST on a kept connection', { ...reset, onKeptConnection: true }, first, 'no'],
  ['unreachable, no kept connection', { ...unreachable, onKeptConnection: false }, first, 'another endpoint'],

  ['not ready, fresh replica', notReady, fresh, 'same endpoint, after a pause'],
  [
    'not ready, fresh replica, third endpoint',
    notReady,
    { brokenEndpoints: 2, resets: 1, isFresh: true },
    'same endpoint, after a pause',
  ],
  ['not ready, fresh replica, POST', { ...mayHaveSeen, status: 503 }, fresh, 'same endpoint, after a pause'],
  ['the process may have broken off, POST', mayHaveSeen, fresh, 'no'],
  ['the process may have broken off, POST, 502', { ...mayHaveSeen, status: 502 }, fresh, 'no'],
  ['not ready, replica that has served for long', notReady, first, 'no'],
  ['not ready, body not kept', { ...notReady, canReplay: false }, fresh, 'no'],
  ['not ready, but the caller left', { ...notReady, failure: 'aborted' }, fresh, 'no'],
  ['nothing known', {}, fresh, 'no'],
  ['broken, nothing else known', { failure: 'unreachable' }, first, 'no'],
];
for (const [title, facts, tries, retry] of rows) {
  test(`${title}: ${retry}`, (t) => {
    t.is(mayRetry(facts, tries), retry);
  });
}

test('no call goes to a fourth endpoint, whatever breaks', (t) => {
  const failures = ['unreachable', 'reset', 'timeout', 'aborted'] as const;
  const flags = [true, false];
  for (const failure of failures)
    for (const wasSent of flags)
      for (const isIdempotent of flags)
        for (const resets of [0, 1, 2]) {
          const facts = { failure, wasSent, isIdempotent, canReplay: true, onKeptConnection: false };
          t.is(mayRetry(facts, { brokenEndpoints: 2, resets, isFresh: true }), 'no');
        }
});
