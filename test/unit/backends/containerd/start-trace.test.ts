import test from 'ava';
import { StartTrace } from '../../../../src/backends/containerd/start-trace.ts';

test('a trace names each step with its begin and its end, also one that failed or is under way', async (t) => {
  const trace = new StartTrace();
  t.is(await trace.timed('one', () => Promise.resolve(1)), 1);
  await t.throwsAsync(
    trace.timed('two', () => Promise.reject(new Error('no'))),
    { message: 'no' },
  );
  void trace.timed('three', () => new Promise(() => {}));
  t.regex(trace.steps, /^one \d+-\d+, two \d+-\d+, three \d+-$/);
});
