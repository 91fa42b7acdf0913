import test from 'ava';
import { keyOfDate, mergeLines, parsePodLine } from '../../../../src/backends/kubernetes/pod-log-lines.ts';

const line = (text: string) => parsePodLine(text) ?? t0;
const t0 = { timestamp: '', key: '', text: 'unreadable' };

test('a line is its stamp and its text, which may be empty or have blanks', (t) => {
  t.like(parsePodLine('2026-11-27T10:00:00.5Z  two blanks '), {
    timestamp: '2026-11-27T10:00:00.5Z',
    text: ' two blanks ',
  });
  t.is(parsePodLine('2026-11-27T10:00:00.5Z ')?.text, '');
  t.is(parsePodLine('2026-11-27T10:00:00Z')?.text, '');
});

test('what has no stamp is no line', (t) => {
  t.is(parsePodLine('unable to retrieve container logs for containerd://x'), undefined);
});

test('stamps sort as their moments do, of few digits and of another zone too', (t) => {
  const sorted = mergeLines([
    [line('2026-11-27T10:00:00.12Z third'), line('2026-11-27T10:00:00.2Z fifth')],
    [line('2026-11-27T10:00:00Z first'), line('2026-11-27T10:00:00.1Z second')],
    [line('2026-11-27T12:00:00.15+02:00 fourth')],
  ]);
  t.deepEqual(
    sorted.map(({ text }) => text),
    ['first', 'second', 'third', 'fourth', 'fifth'],
  );
});

test('lines of one moment stay in the order of their Pod, and the last ones are kept', (t) => {
  const log = ['a', 'b', 'c'].map((text) => line(`2026-11-27T10:00:00Z ${text}`));
  t.deepEqual(
    mergeLines([log, []], 2).map(({ text }) => text),
    ['b', 'c'],
  );
});

test('a date is before the lines of the next millisecond', (t) => {
  const key = keyOfDate(new Date('2026-11-27T10:00:00.123Z'));
  t.true(key < line('2026-11-27T10:00:00.124Z x').key);
  t.true(key > line('2026-11-27T10:00:00.122999999Z x').key);
});
