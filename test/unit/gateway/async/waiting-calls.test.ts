import test from 'ava';
import fc from 'fast-check';
import { WaitingCalls } from '../../../../src/gateway/async/waiting-calls.ts';

test('calls that wait are taken once they are due, the earliest first, whatever came and went before', (t) => {
  const step = fc.oneof(
    fc.record({ add: fc.nat(20) }),
    fc.record({ remove: fc.nat(60) }),
    fc.record({ takeBefore: fc.nat(20), most: fc.nat(3) }),
  );
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const waiting = new WaitingCalls();
    let model: { dueMs: number; seq: number }[] = [];
    for (const [seq, taken] of steps.entries()) {
      if ('add' in taken) {
        waiting.add(taken.add, seq);
        model.push({ dueMs: taken.add, seq });
        model.sort((a, b) => a.dueMs - b.dueMs || a.seq - b.seq);
      } else if ('remove' in taken) {
        waiting.remove(taken.remove);
        model = model.filter((call) => call.seq !== taken.remove);
      } else {
        const due = model.filter(({ dueMs }) => dueMs <= taken.takeBefore).slice(0, taken.most);
        t.deepEqual(
          waiting.takeDue(taken.takeBefore, taken.most),
          due.map((call) => call.seq),
        );
        model = model.filter((call) => !due.includes(call));
      }
      t.is(waiting.size, model.length);
      t.is(waiting.firstDueMs, model[0]?.dueMs ?? Infinity);
    }
  });
  fc.assert(property, { numRuns: 300 });
});
