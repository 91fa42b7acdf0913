import test from 'ava';
import fc from 'fast-check';
import { SecondSlots } from '../../../../src/gateway/calls/second-slots.ts';

/** Steps in time, each with a value. */
const steps = fc.array(fc.tuple(fc.nat(7_000), fc.integer({ min: 1, max: 9 })), { maxLength: 60 });

/** Walks through the steps; gives back each event with its second, and the moment of the last. */
function walk(given: [number, number][], act: (nowMs: number, value: number) => void) {
  let nowMs = 0;
  const events = given.map(([stepMs, value]) => {
    nowMs += stepMs;
    act(nowMs, value);
    return { second: Math.floor(nowMs / 1000), value };
  });
  return { events, nowMs, second: Math.floor(nowMs / 1000) };
}

test('the sum is that of the last whole seconds, whatever came when', (t) => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 10 }), (given, seconds) => {
      const slots = new SecondSlots(10);
      const { events, nowMs, second } = walk(given, (ms, value) => slots.add(ms, value));
      const within = events.filter((event) => event.second >= second - seconds && event.second < second);
      t.is(
        slots.sum(nowMs, seconds),
        within.reduce((total, { value }) => total + value, 0),
      );
    }),
  );
});

test('the maximum is that of the last seconds and the one that goes on', (t) => {
  fc.assert(
    fc.property(steps, fc.integer({ min: 0, max: 10 }), (given, seconds) => {
      const slots = new SecondSlots(10);
      const { events, nowMs, second } = walk(given, (ms, value) => slots.raise(ms, value));
      const within = events.filter((event) => event.second >= second - seconds);
      t.is(slots.max(nowMs, seconds), Math.max(0, ...within.map(({ value }) => value)));
    }),
  );
});

test('after a long pause nothing is left', (t) => {
  const slots = new SecondSlots(10);
  slots.add(5_000, 3);
  t.is(slots.sum(10 ** 9, 10), 0);
  t.is(slots.max(10 ** 9, 10), 0);
});
