import test from 'ava';
import fc from 'fast-check';
import { planAfter, type AttemptOutcome, type PlanOptions } from '../../../../src/gateway/async/retry-plan.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const rule = { attempts: 3, codes: new Set([429, 503]), minWaitMs: 1000, maxWaitMs: 60_000 };
const options: PlanOptions = { kind: 'call', attempts: 1, rule, nowMs, random: () => 0.5 };
const outcome = (rest: Partial<AttemptOutcome>): AttemptOutcome => ({ beganMs: nowMs - 10, endedMs: nowMs, ...rest });

const next = (rest: Partial<AttemptOutcome>, more: Partial<PlanOptions> = {}) =>
  planAfter(outcome(rest), { ...options, ...more }).next;

/** How long after now it is tried again. */
function pauseMs(rest: Partial<AttemptOutcome>, more: Partial<PlanOptions> = {}): number {
  const plan = planAfter(outcome(rest), { ...options, ...more });
  return plan.next === 'again' ? plan.dueMs - nowMs : NaN;
}

test("a function's answer is the end, but for the statuses of its list", (t) => {
  for (const status of [200, 204, 301, 404, 500, 502]) t.is(next({ status }), 'done');
  for (const status of [429, 503]) t.is(next({ status }), 'again');
});

test("the platform's errors are tried again whatever their status, and so is no answer", (t) => {
  for (const status of [400, 404, 500, 502]) t.is(next({ status, isPlatform: true }), 'again');
  t.is(next({ error: 'connection refused' }), 'again');
  t.is(next({ status: 200, isPlatform: true }), 'done');
});

test('the last attempt is the last, and what leads nowhere is not tried again', (t) => {
  t.is(next({ status: 503 }, { attempts: 2 }), 'again');
  t.is(next({ status: 503 }, { attempts: 3 }), 'failed');
  // A daemon that was killed in its last attempt has it made once more.
  t.is(next({ status: 503 }, { attempts: 4 }), 'failed');
  t.is(next({ status: 200 }, { attempts: 4 }), 'done');
  t.is(next({ status: 200, isFinal: true }), 'failed');
});

test('a callback is done when it was taken, and is tried again else', (t) => {
  for (const status of [200, 202, 204]) t.is(next({ status }, { kind: 'callback' }), 'done');
  for (const status of [302, 400, 404, 500]) t.is(next({ status }, { kind: 'callback' }), 'again');
  t.is(next({ status: 302, isFinal: true }, { kind: 'callback' }), 'failed');
});

test('pauses double, lie at random between the shortest and that, and end at the longest', (t) => {
  const pauses = (random: number) =>
    [1, 2, 3, 4, 40].map((attempts) =>
      pauseMs({ status: 503 }, { attempts, rule: { ...rule, attempts: 50 }, random: () => random }),
    );
  t.deepEqual(pauses(0), [1000, 1000, 1000, 1000, 1000]);
  t.deepEqual(pauses(0.5), [1500, 2500, 4500, 8500, 30_500]);
  t.deepEqual(pauses(1), [2000, 4000, 8000, 16_000, 60_000]);
});

test('Retry-After is kept to, in seconds and as a date, but for less than the shortest pause and more than a day', (t) => {
  const asked = (retryAfter: string) => pauseMs({ status: 429, retryAfter });
  t.is(asked('7'), 7000);
  t.is(asked('90'), 90_000, 'also above the longest pause');
  t.is(asked('0'), 1000);
  t.is(asked('Sun, 01 Mar 2026 12:00:30 GMT'), 30_000);
  t.is(asked('Sun, 01 Mar 2026 11:00:00 GMT'), 1000);
  t.is(asked('999999999999'), 24 * 3_600_000);
  for (const text of ['soon', '-5', '1.5', '']) t.is(asked(text), 1500, text);
});

test('an attempt is never made before the shortest pause, and always at a moment that can be stored', (t) => {
  t.notThrows(() => {
    const text = fc.oneof(fc.string(), fc.nat().map(String), fc.date().map(String));
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (retryAfter, attempts, at) => {
          const more = { attempts, rule: { ...rule, attempts: 5000 }, random: () => at };
          const pause = pauseMs({ status: 503, retryAfter }, more);
          return Number.isSafeInteger(pause) && pause >= 1000 && pause <= 24 * 3_600_000;
        },
      ),
    );
  });
});
