import test from 'ava';
import { EventFeed, type Happening, type SystemEvent } from '../../../src/provider/index.ts';

const exited: Happening = {
  kind: 'replica-exited',
  severity: 'warn',
  text: 'replica exited: its process exited with code 1',
  name: 'fn',
  namespace: 'openfaas-fn',
};

test('what is told is kept, oldest first, with the time and an id of its own', (t) => {
  const feed = new EventFeed();
  feed.tell(exited);
  feed.tell({ kind: 'berth-started', severity: 'info', text: 'berth started' });
  const [first, second] = feed.recent();
  t.like(first, exited);
  t.is(second?.kind, 'berth-started');
  t.regex(first?.at ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  t.regex(first?.id ?? '', /^[0-9a-f]{10}-1$/);
  const other = new EventFeed();
  other.tell(exited);
  t.not(other.recent()[0]?.id, first?.id);
});

test('the last 1000 events are kept', (t) => {
  const feed = new EventFeed();
  for (let number = 1; number <= 1100; number++) feed.tell({ ...exited, name: `fn-${number}` });
  const names = feed.recent().map(({ name }) => name);
  t.deepEqual([names.length, names[0], names.at(-1)], [1000, 'fn-101', 'fn-1100']);
});

test('who follows hears of each event until it leaves', (t) => {
  const feed = new EventFeed();
  const heard: SystemEvent[] = [];
  const listener = (event: SystemEvent) => void heard.push(event);
  const leave = feed.follow(listener);
  const leaveToo = feed.follow(listener);
  feed.tell(exited);
  leave();
  feed.tell(exited);
  leaveToo();
  feed.tell(exited);
  t.deepEqual(
    heard.map(({ id }) => id.split('-')[1]),
    ['1', '1', '2'],
  );
});

test('a crash loop is counted, told now and then, and keeps nothing else from being told', (t) => {
  let nowMs = 0;
  const feed = new EventFeed(() => nowMs);
  for (; nowMs < 3_600_000; nowMs += 1000) feed.tell(exited);
  const texts = feed.recent().map(({ text }) => text);
  t.deepEqual(texts.slice(0, 6), [
    ...Array<string>(5).fill(exited.text),
    `${exited.text} (and 59 times more since it was told last)`,
  ]);
  t.is(texts.length, 10);
  feed.tell({ ...exited, name: 'other' });
  t.is(feed.recent().at(-1)?.text, exited.text);
  nowMs += 3 * 3_600_000;
  feed.tell(exited);
  t.is(feed.recent().at(-1)?.text, exited.text);
});

test('a text of many lines is one line, and a long one is cut', (t) => {
  const feed = new EventFeed();
  feed.tell({ ...exited, text: `a\r\nb\n${'x'.repeat(5000)}` });
  t.is(feed.recent()[0]?.text, `a b ${'x'.repeat(396)}…`);
});
