import test from 'ava';
import { levelOf, LogLines, matching, type LineLevel } from '../../../../../src/gateway/dashboard/browser/log-lines.ts';

const sent = (timestamp: string, text: string, instance = 'r1') =>
  JSON.stringify({ name: 'fn', namespace: 'openfaas-fn', instance, timestamp, text });

const levels: [string, LineLevel | undefined][] = [
  ['{"time":"x","level":"error","msg":"no"}', 'error'],
  ['{"level":40,"msg":"pino"}', 'warn'],
  ['time=x level=debug msg=y', 'debug'],
  ['2026/11/27 18:00:00 [warning] slow', 'warn'],
  ['ERROR: it broke', 'error'],
  ['panic: runtime error', 'error'],
  ['Traceback (most recent call last):', 'error'],
  ['TypeError: x is not a function', 'error'],
  ['INFO started', 'info'],
  ['no errors were found', undefined],
  ['level=loud', undefined],
  ['', undefined],
];
for (const [text, level] of levels) {
  test(`the line ${JSON.stringify(text)} is ${level ?? 'of no level'}`, (t) => t.is(levelOf(text), level));
}

test('escapes are taken out of a line, and other control characters and bidi marks are shown', (t) => {
  const lines = new LogLines(10);
  lines.add(
    sent(
      't1',
      '\u001b[1;31mred\u001b[0m \u001b]0;title\u0007\u001b]8;;http://x\u001b\\link \u0007\u202egnp.exe\tend\r',
    ),
  );
  t.is(lines.lines[0]?.text, 'red link \\u{7}\\u{202e}gnp.exe\tend\\u{d}');
});

test('markup in a line stays as it is, for whoever shows it as text', (t) => {
  const lines = new LogLines(10);
  lines.add(sent('t1', '<img src=x onerror=alert(1)>'));
  t.is(lines.lines[0]?.text, '<img src=x onerror=alert(1)>');
});

test('the newest lines are kept, and a long line is cut with how much more there is', (t) => {
  const lines = new LogLines(3);
  for (let i = 0; i < 5; i += 1) lines.add(sent(`t${i}`, `line ${i}`));
  t.deepEqual(
    lines.lines.map(({ key, text }) => [key, text]),
    [
      [2, 'line 2'],
      [3, 'line 3'],
      [4, 'line 4'],
    ],
  );
  t.is(lines.count, 5);
  lines.add(sent('t5', 'x'.repeat(64 * 1024)));
  t.regex(lines.lines.at(-1)?.text ?? '', /^x{4000} … 61536 characters more/);
});

test('a stream that is opened again adds no line twice, and leaves none out', (t) => {
  const lines = new LogLines(10);
  const before = [sent('t1', 'a'), sent('t2', 'b'), sent('t2', 'b')];
  for (const line of before) lines.add(line);
  t.is(lines.goOn(), 't2');
  for (const line of [...before.slice(1), sent('t2', 'c'), sent('t3', 'd')]) lines.add(line);
  t.deepEqual(
    lines.lines.map(({ text }) => text),
    ['a', 'b', 'b', 'c', 'd'],
  );
  t.is(lines.goOn(), 't3');
  lines.add(sent('t4', 'e'));
  t.is(lines.lines.at(-1)?.text, 'e', 'berth had forgotten what it had told');
});

test('lines are found by text in any case, and by replica', (t) => {
  const lines = new LogLines(10);
  lines.add(sent('t1', 'Hello (a+', 'r1'));
  lines.add(sent('t2', 'hello', 'r2'));
  lines.add(sent('t3', 'bye', 'r2'));
  const found = (search: string, replica: string) => matching(lines.lines, search, replica).map(({ text }) => text);
  t.deepEqual(found('HELLO', ''), ['Hello (a+', 'hello']);
  t.deepEqual(found('(A+', ''), ['Hello (a+']);
  t.deepEqual(found('', 'r2'), ['hello', 'bye']);
});
