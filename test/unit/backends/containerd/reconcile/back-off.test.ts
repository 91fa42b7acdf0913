import test from 'ava';
import fc from 'fast-check';
import { BackOff } from '../../../../../src/backends/containerd/reconcile/back-off.ts';

const timing = { restartBaseMs: 1000, restartMaxMs: 60_000, stableMs: 60_000 };

test('the first failure is tried again at once, those after it twice as late each time, up to the maximum', (t) => {
  const backOff = new BackOff(timing, () => 1);
  const longest = Array.from({ length: 10 }, () => backOff.failed());
  t.deepEqual(longest, [0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  t.is(backOff.failures, 10);
  backOff.succeeded();
  t.is(backOff.failed(), 0, 'after a success it begins anew');
});

test('however often it failed, it is a moment between half and all of the full back-off', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2000 }), (failures) => {
        const [longest, random] = [new BackOff(timing, () => 1), new BackOff(timing)];
        for (let failed = 1; failed < failures; failed++) [longest, random].forEach((backOff) => backOff.failed());
        const [fullMs, ms] = [longest.failed(), random.failed()];
        return ms >= fullMs / 2 && ms <= fullMs && ms <= timing.restartMaxMs;
      }),
    );
  });
});

test('a failed step is not tried again at once', (t) => {
  const backOff = new BackOff({ ...timing, restartBaseMs: 10 }, () => 1);
  t.deepEqual([backOff.failed(500), backOff.failed(500)], [500, 500]);
});
