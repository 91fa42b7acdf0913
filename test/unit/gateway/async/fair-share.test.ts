import test from 'ava';
import fc from 'fast-check';
import { shareOut, type Sharer } from '../../../../src/gateway/async/fair-share.ts';

const sharer = (rest: Partial<Sharer> = {}): Sharer => ({ running: 0, limit: 1000, wanted: 5000, turn: 0, ...rest });

test('one alone is given as many as it may have and wants', (t) => {
  t.deepEqual(shareOut([sharer({ limit: 10 })], 100), [10]);
  t.deepEqual(shareOut([sharer({ wanted: 3 })], 100), [3]);
  t.deepEqual(shareOut([sharer({ running: 8, limit: 10 })], 100), [2]);
  t.deepEqual(shareOut([sharer({ limit: 7, running: 9 })], 100), [0]);
  t.deepEqual(shareOut([sharer({ limit: 20 })], Infinity), [20]);
});

test('one that wants all leaves some for who is yet to come', (t) => {
  let running = 0;
  for (;;) {
    const [given = 0] = shareOut([sharer({ running })], 100 - running);
    if (given === 0) break;
    running += given;
  }
  t.true(running >= 80 && running < 100, String(running));
  t.deepEqual(shareOut([sharer({ running }), sharer({ wanted: 1 })], 100 - running), [0, 1]);
});

test('one that wants all leaves one of few as well', (t) => {
  for (let slots = 2; slots <= 12; slots += 1) {
    const [running = 0] = shareOut([sharer()], slots);
    t.true(running >= 1 && running < slots, `${running} of ${slots}`);
    t.deepEqual(shareOut([sharer({ running }), sharer({ wanted: 1 })], slots - running), [0, 1]);
  }
});

test('those with the same wish are given the same, and who has fewer comes first', (t) => {
  t.deepEqual(shareOut([sharer({ limit: 5 }), sharer({ limit: 5 })], 100), [5, 5]);
  t.deepEqual(shareOut([sharer({ running: 4 }), sharer()], 5), [0, 4]);
});

test('few slots go round', (t) => {
  t.deepEqual(shareOut([sharer({ turn: 3 }), sharer({ turn: 1 }), sharer({ turn: 2 })], 1), [0, 1, 0]);
  t.deepEqual(shareOut([sharer()], 1), [1], 'the only slot is used');
});

test('no more are given than there are, than may be had and than are wanted', (t) => {
  const number = fc.nat({ max: 30 });
  const any = fc.record({ running: number, limit: number, wanted: number, turn: number });
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), number, (sharers, free) => {
        const given = shareOut(sharers, free);
        const sum = given.reduce((a, b) => a + b, 0);
        const isIn = (more: number, { running, limit, wanted }: Sharer) =>
          more >= 0 && more <= wanted && (more === 0 || running + more <= limit);
        const idle = sharers.filter(
          ({ running, limit, wanted }, at) => running === 0 && limit > 0 && wanted > 0 && given[at] === 0,
        );
        return (
          sum <= free && given.every((more, at) => isIn(more, sharers[at]!)) && (idle.length === 0 || sum === free)
        );
      }),
    );
  });
});
