import test from 'ava';
import * as fc from 'fast-check';
import { LineSplitter, maxLineBytes } from '../../../src/logs/line-splitter.ts';

function split(...chunks: (string | Buffer)[]): string[] {
  return splitAll(chunks);
}

/** Takes any number of chunks, which arguments of a call may not be: some 100 000 overflow the stack. */
function splitAll(chunks: (string | Buffer)[]): string[] {
  const splitter = new LineSplitter();
  const lines = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk)));
  return [...lines, ...splitter.flush()];
}

test('lines end at line feeds, wherever the chunks do', (t) => {
  t.deepEqual(split('a\nb', 'c', '\n\nd\n'), ['a', 'bc', '', 'd']);
});

test('a carriage return before the line feed is no part of the line', (t) => {
  t.deepEqual(split('a\r\nb\r', '\nc\rd\n\r\n'), ['a', 'b', 'c\rd', '']);
});

test('bytes that are not UTF-8 become U+FFFD and control sequences stay', (t) => {
  t.deepEqual(split(Buffer.from([0x61, 0xff, 0xfe, 0x0a]), '\u001b[31mred\u001b[0m\n'), [
    'a\uFFFD\uFFFD',
    '\u001b[31mred\u001b[0m',
  ]);
});

test('a character that spans two chunks stays whole', (t) => {
  const euro = Buffer.from('€\n');
  t.deepEqual(split(euro.subarray(0, 1), euro.subarray(1)), ['€']);
});

test('a long line comes in pieces that say so, and the next line is unharmed', (t) => {
  const lines = split(`${'x'.repeat(2 * maxLineBytes + 10)}\nok\n`);
  t.deepEqual(lines, [`${'x'.repeat(maxLineBytes)}…`, `${'x'.repeat(maxLineBytes)}…`, 'x'.repeat(10), 'ok']);
});

test('a long line is never cut within a character', (t) => {
  const text = `x${'€'.repeat(maxLineBytes)}`;
  const lines = split(`${text}\n`);
  t.is(lines.map((line) => line.replace(/…$/, '')).join(''), text);
});

test('a line that is handed over early does not leave an empty line behind', (t) => {
  const splitter = new LineSplitter();
  t.deepEqual(splitter.push(Buffer.from('prompt')), []);
  t.deepEqual(splitter.flush(), ['prompt']);
  t.deepEqual(splitter.push(Buffer.from('\n\nnext\n')), ['', 'next']);
});

test('held bytes are bounded by one piece for a line without an end', (t) => {
  const splitter = new LineSplitter();
  for (let chunk = 0; chunk < 100; chunk++) {
    splitter.push(Buffer.alloc(64 * 1024, 'x'));
    t.true(splitter.heldBytes <= maxLineBytes);
  }
});

test('the pieces of any text, however it is chunked, make up the text', (t) => {
  const text = fc.array(
    fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('\n'), fc.constant('ab'.repeat(20_000))),
    { maxLength: 8 },
  );
  t.notThrows(() =>
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 70_000 }), (parts, chunkBytes) => {
        const written = parts.join('').replaceAll('…', '').replaceAll('\r', '');
        const bytes = Buffer.from(written.toWellFormed());
        const chunks: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(bytes.subarray(at, at + chunkBytes));
        const read = splitAll(chunks)
          .map((line) => (line.endsWith('…') ? line.slice(0, -1) : `${line}\n`))
          .join('');
        return read.replace(/\n$/, '') === bytes.toString().replace(/\n$/, '');
      }),
    ),
  );
});
