import test from 'ava';
import fc from 'fast-check';
import { backOffMs } from '../../../../../src/backends/containerd/reconcile/back-off.ts';

const limits = { baseMs: 1000, maxMs: 60_000 };

test('the first failure is tried again at once, those after it twice as late each time, up to the maximum', (t) => {
  const longest = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((failures) => backOffMs(failures, limits, () => 1));
  t.deepEqual(longest, [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('however often it failed, it is a moment between half and all of the full back-off', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1_000_000 }), (failures) => {
        const fullMs = backOffMs(failures, limits, () => 1);
        const ms = backOffMs(failures, limits);
        return ms >= fullMs / 2 && ms <= fullMs && ms <= limits.maxMs;
      }),
    );
  });
});
