import test from 'ava';
import { JournalShare } from '../../../src/logs/journal-share.ts';
import { until } from '../../helpers/poll.ts';

function shareOf(limits: { maxLines?: number; maxBytes?: number; windowMs?: number }) {
  const heldBack: number[] = [];
  const onHeldBack = (lines: number) => heldBack.push(lines);
  const share = new JournalShare({ maxLines: Infinity, maxBytes: Infinity, windowMs: 60_000, ...limits, onHeldBack });
  return { share, heldBack };
}

test('lines pass up to the limit, in their order, and those above it are told once', (t) => {
  const { share, heldBack } = shareOf({ maxLines: 3 });
  t.deepEqual(share.admit(['a', 'b']), ['a', 'b']);
  t.deepEqual(share.admit(['c', 'd', 'e']), ['c']);
  t.deepEqual(share.admit(['f']), []);
  share.close();
  share.close();
  t.deepEqual(heldBack, [3]);
});

test('bytes are limited as lines are, and a line that is longer than the limit passes whole', (t) => {
  const { share, heldBack } = shareOf({ maxBytes: 10 });
  t.deepEqual(share.admit(['ééééé', 'x']), ['ééééé']);
  share.close();
  t.deepEqual(heldBack, [1]);
  const long = 'x'.repeat(100);
  t.deepEqual(shareOf({ maxBytes: 10 }).share.admit([long, long]), [long]);
});

test('after its window lines pass again, and a function that fell silent is told of what was held back', async (t) => {
  const { share, heldBack } = shareOf({ maxLines: 1, windowMs: 100 });
  t.deepEqual(share.admit(['a', 'b', 'c']), ['a']);
  await until(() => heldBack.length > 0);
  t.deepEqual(heldBack, [2]);
  t.deepEqual(await until(() => share.admit(['d'])), ['d']);
});

test('without a limit everything passes', (t) => {
  const lines = Array.from({ length: 100_000 }, String);
  t.is(shareOf({}).share.admit(lines), lines);
});
