import test from 'ava';
import { bucketCount, bucketOf, durationAt } from '../../../../src/gateway/metrics/duration-buckets.ts';
import { RecentCalls } from '../../../../src/gateway/metrics/recent-calls.ts';

test('what is told of a duration is off by a tenth at most, from 0.1 ms to 10 min', (t) => {
  for (let ms = 0.11; ms < 590_000; ms *= 1.07) {
    const counts = new Uint32Array(bucketCount);
    counts[bucketOf(ms)] = 1;
    const told = durationAt(counts, 0.5) ?? 0;
    t.true(Math.abs(told / ms - 1) < 0.1, `${ms} is told as ${told}`);
  }
});

test('whatever a duration is, it has a bucket', (t) => {
  for (const ms of [0, -1, NaN, 1e-9]) t.is(bucketOf(ms), 0);
  for (const ms of [1e9, Infinity]) t.is(bucketOf(ms), bucketCount - 1);
});

test('the calls of the last minute are told: how many a second, how long they took, how many failed', (t) => {
  const recent = new RecentCalls();
  t.deepEqual(recent.lastMinute(0), { callsPerSecond: 0 });
  for (let i = 0; i < 100; i++) recent.add(1000 * i, i < 98 ? 10 : 5000, i % 10 === 0);
  const { callsPerSecond, p50Ms = 0, p99Ms = 0, errorShare } = recent.lastMinute(100_000);
  t.is(callsPerSecond, 1);
  t.true(p50Ms > 9 && p50Ms < 11, `${p50Ms}`);
  t.true(p99Ms > 4500 && p99Ms < 5500, `${p99Ms}`);
  t.is(errorShare, 0.1);
});

test('a call counts for a minute, and then no more', (t) => {
  const recent = new RecentCalls();
  recent.add(5000, 10, false);
  for (const nowMs of [5000, 30_000, 59_000]) {
    t.is(recent.lastMinute(nowMs).callsPerSecond, 1 / 60);
    t.true(recent.isBusy(nowMs));
  }
  t.true(recent.lastMinute(65_000).callsPerSecond < 1 / 60);
  t.deepEqual(recent.lastMinute(75_000), { callsPerSecond: 0 });
  t.false(recent.isBusy(75_000));
});

test('the first call of each step is told as such', (t) => {
  const recent = new RecentCalls();
  t.deepEqual(
    [0, 1, 9999, 10_000, 10_001, 70_000].map((nowMs) => recent.add(nowMs, 1, false)),
    [true, false, false, true, false, true],
  );
  t.is(recent.of(0), undefined, 'its slot is another step');
  t.is(
    recent.of(1)?.durations.reduce((sum, count) => sum + count),
    2,
  );
});
