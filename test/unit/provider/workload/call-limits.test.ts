import test from 'ava';
import { callLimitsOf } from '../../../../src/provider/index.ts';

test('the watchdog setting max_inflight limits calls at once; 0 and nonsense do not', (t) => {
  const limitOf = (max_inflight: string) => callLimitsOf({ max_inflight }).maxInflight;
  t.is(limitOf('5'), 5);
  for (const none of ['0', '-1', 'many', '']) t.is(limitOf(none), Infinity);
  t.is(callLimitsOf({}).maxInflight, Infinity);
});

const drainOf = (envVars: Record<string, string>) => callLimitsOf(envVars).drainMs;

test("calls in flight get the function's own grace period, else its write timeout", (t) => {
  t.is(drainOf({ grace_period: '90s', write_timeout: '10s' }), 90_000);
  t.is(drainOf({ write_timeout: '1m30s' }), 90_000);
  t.is(drainOf({ write_timeout: '15' }), 15_000);
  t.is(drainOf({ grace_period: 'soon', write_timeout: '10s' }), 10_000);
  t.is(drainOf({}), undefined);
});

test('a write timeout of none cuts nobody off: the default holds', (t) => {
  t.is(drainOf({ write_timeout: '0s' }), undefined);
  t.is(drainOf({ write_timeout: '-5s' }), undefined);
});

test('a grace period longer than a timer holds is as long as one can be, and not over at once', (t) => {
  t.is(drainOf({ grace_period: '10000h' }), 2 ** 31 - 1);
});

test('the write timeout is no grace for the process', (t) => {
  t.is(callLimitsOf({ write_timeout: '10s' }).graceMs, undefined);
  t.is(callLimitsOf({ write_timeout: '10s', grace_period: '3s' }).graceMs, 3000);
});

test('blanks around a setting do not matter', (t) => {
  t.like(callLimitsOf({ max_inflight: ' 5', grace_period: ' 90s ' }), { maxInflight: 5, drainMs: 90_000 });
});
