import test from 'ava';
import { LiveCalls } from '../../../../src/provider/proxy/live-calls.ts';

test('calls that are still under way are ended, each once, whatever order the others ended in', (t) => {
  const live = new LiveCalls();
  const cut: string[] = [];
  const calls = ['a', 'b', 'c', 'd'].map((name) => ({
    cut() {
      cut.push(name);
      return 'calls' as const;
    },
  }));
  const [first, second, , last] = calls;
  for (const call of calls) live.add(call);
  for (const ended of [second, second, last]) if (ended) live.delete(ended);
  t.deepEqual(live.cut(), { eventStreams: 0, webSockets: 0, calls: 2 });
  t.deepEqual(cut.toSorted(), ['a', 'c']);
  if (first) live.delete(first);
  t.is(live.cut().calls, 1);
});
