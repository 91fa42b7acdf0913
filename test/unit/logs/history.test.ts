import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { History } from '../../../src/logs/history.ts';
import type { LogQuery } from '../../../src/logs/index.ts';

const figlet = { name: 'figlet', namespace: 'openfaas-fn' };

async function startHistory(maxBytes = 1024 * 1024) {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  const open = () => new History({ folder, function: figlet, maxBytes });
  return { folder, open, history: open(), [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

async function textsOf(history: History, query: Partial<LogQuery> = {}): Promise<string[]> {
  const texts: string[] = [];
  for await (const line of history.query({ ...figlet, follow: false, ...query })) texts.push(line.text);
  return texts;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `line ${from + index}`);

test('a line comes back with its function, its replica and its time', async (t) => {
  await using at = await startHistory();
  const before = new Date().toISOString();
  await at.history.append('r1', ['  two words  ', '']);
  const lines = [];
  for await (const line of at.history.query({ ...figlet, follow: false })) lines.push(line);
  t.deepEqual(
    lines.map(({ name, namespace, instance, text }) => ({ name, namespace, instance, text })),
    [
      { ...figlet, instance: 'r1', text: '  two words  ' },
      { ...figlet, instance: 'r1', text: '' },
    ],
  );
  t.true(lines.every(({ timestamp }) => timestamp >= before && timestamp <= new Date().toISOString()));
});

test('a function that never wrote has no lines', async (t) => {
  await using at = await startHistory();
  t.deepEqual(await textsOf(at.history), []);
  t.deepEqual(await textsOf(at.history, { tail: 3 }), []);
});

test('the lines are there for the next process', async (t) => {
  await using at = await startHistory();
  await at.history.append('r1', ['one']);
  const next = at.open();
  await next.append('r1', ['two']);
  t.deepEqual(await textsOf(next), ['one', 'two']);
});

test('tail answers the last lines, in order, across both files', async (t) => {
  await using at = await startHistory(2_500);
  for (let from = 0; from < 60; from += 10) await at.history.append('r1', numbers(from, from + 10));
  t.is((await readdir(at.folder)).length, 2);
  const all = await textsOf(at.history);
  for (const tail of [0, 1, 2, 9, 10, 11, 35, 1_000]) {
    t.deepEqual(await textsOf(at.history, { tail }), tail === 0 ? [] : all.slice(-tail));
  }
  t.deepEqual(await textsOf(at.history, { tail: -1 }), all);
});

test('tail finds lines that are longer than what is read at once', async (t) => {
  await using at = await startHistory();
  const long = 'x'.repeat(150_000);
  await at.history.append('r1', ['first', long, 'last']);
  t.deepEqual(await textsOf(at.history, { tail: 2 }), [long, 'last']);
  t.deepEqual(await textsOf(at.history, { tail: 3 }), ['first', long, 'last']);
});

test('instance answers the lines of that replica alone, also with tail', async (t) => {
  await using at = await startHistory();
  for (let at_ = 0; at_ < 5; at_++) {
    await at.history.append('r1', [`r1 ${at_}`]);
    await at.history.append('r2', [`r2 ${at_}`]);
  }
  t.deepEqual(await textsOf(at.history, { instance: 'r1' }), ['r1 0', 'r1 1', 'r1 2', 'r1 3', 'r1 4']);
  t.deepEqual(await textsOf(at.history, { instance: 'r1', tail: 2 }), ['r1 3', 'r1 4']);
  t.deepEqual(await textsOf(at.history, { instance: 'r3', tail: 2 }), []);
});

test('since answers lines from that moment on, also with tail', async (t) => {
  await using at = await startHistory();
  const records = numbers(0, 60).map(
    (text, index) => `2026-01-01T00:00:${String(index).padStart(2, '0')}.000Z r1 ${text}\n`,
  );
  await writeFile(join(at.folder, 'previous.log'), records.slice(0, 30).join(''));
  await writeFile(join(at.folder, 'current.log'), records.slice(30).join(''));
  t.deepEqual(await textsOf(at.history, { since: new Date('2026-01-01T00:00:20Z') }), numbers(20, 60));
  t.deepEqual(await textsOf(at.history, { since: new Date('2026-01-01T00:00:40.500Z') }), numbers(41, 60));
  t.deepEqual(await textsOf(at.history, { since: new Date('2026-01-01T00:00:50Z'), tail: 3 }), numbers(57, 60));
  t.deepEqual(await textsOf(at.history, { since: new Date('2026-01-01T00:00:58Z'), tail: 30 }), numbers(58, 60));
  t.deepEqual(await textsOf(at.history, { since: new Date('2027-01-01') }), []);
});

test('what is kept stays within its bound and is the newest', async (t) => {
  await using at = await startHistory(20_000);
  for (let from = 0; from < 5_000; from += 10) await at.history.append('r1', numbers(from, from + 10));
  const sizes = await Promise.all(
    (await readdir(at.folder)).map(async (file) => (await stat(join(at.folder, file))).size),
  );
  t.true(sizes.reduce((sum, size) => sum + size) < 21_000);
  const kept = await textsOf(at.history);
  t.true(kept.length > 150);
  t.deepEqual(kept, numbers(5_000 - kept.length, 5_000));
});

test('a line that was torn by the end of the process costs no other line', async (t) => {
  await using at = await startHistory();
  await at.history.append('r1', ['whole']);
  await appendFile(join(at.folder, 'current.log'), '2026-01-01T00:00:00.000Z r1');
  const next = at.open();
  await next.append('r1', ['after']);
  t.deepEqual(await textsOf(next), ['whole', 'after']);
});

test('a follower gets what is kept and then each new line once, while others write', async (t) => {
  await using at = await startHistory(100_000);
  const total = 3_000;
  const writing = (async () => {
    for (let line = 0; line < total; line++) await at.history.append('r1', [`line ${line}`]);
  })();
  const readers = await Promise.all(
    [0, 5, 20].map(async () => {
      const texts: string[] = [];
      for await (const { text } of at.history.query({ ...figlet, follow: true, tail: 10 })) {
        texts.push(text);
        if (text === `line ${total - 1}`) break;
      }
      return texts;
    }),
  );
  await writing;
  for (const texts of readers) t.deepEqual(texts, numbers(total - texts.length, total));
});

test('following ends quietly when the reader aborts, before and while it waits', async (t) => {
  await using at = await startHistory();
  await at.history.append('r1', ['one']);
  const aborter = new AbortController();
  const texts: string[] = [];
  for await (const { text } of at.history.query({ ...figlet, follow: true }, aborter.signal)) {
    texts.push(text);
    setImmediate(() => aborter.abort());
  }
  t.deepEqual(texts, ['one']);
  for await (const line of at.history.query({ ...figlet, follow: true }, aborter.signal)) t.fail(line.text);
});

test('a slow follower loses the oldest lines, is told how many, and holds nobody up', async (t) => {
  await using at = await startHistory();
  const lines = at.history.query({ ...figlet, follow: true });
  const first = lines.next();
  await at.history.append('r1', ['first']);
  t.is((await first).value?.text, 'first');
  for (let batch = 0; batch < 40; batch++) await at.history.append('r1', Array<string>(100).fill('x'.repeat(1_000)));
  await at.history.append('r1', ['last']);
  const notice = String((await lines.next()).value?.text);
  const dropped = Number(/^berth: (\d+) lines left out here/.exec(notice)?.[1]);
  t.true(dropped > 2_000 && dropped < 4_000, notice);
  await lines.return(undefined);
});

test('a reader sees what was kept when it asked, though all of it is replaced meanwhile', async (t) => {
  await using at = await startHistory(10_000);
  await at.history.append('r1', numbers(0, 100));
  const lines = at.history.query({ ...figlet, follow: false });
  const texts = [(await lines.next()).value?.text];
  for (let turn = 0; turn < 4; turn++) await at.history.append('r1', Array<string>(200).fill('newer'));
  for await (const { text } of lines) texts.push(text);
  t.deepEqual(texts, numbers(0, 100));
});

test('followers get lines that cannot be kept, and the writer is told', async (t) => {
  await using at = await startHistory();
  await at.history.append('r1', ['kept']);
  const lines = at.history.query({ ...figlet, follow: true });
  t.is((await lines.next()).value?.text, 'kept');
  await rm(at.folder, { recursive: true });
  await writeFile(at.folder, 'not a folder');
  await t.throwsAsync(at.history.append('r1', ['unkept']), { code: 'ENOTDIR' });
  t.is((await lines.next()).value?.text, 'unkept');
  await lines.return(undefined);
});

test('lines from before a moment are removed from the disk, and what is kept goes on', async (t) => {
  await using at = await startHistory();
  const record = (day: number, text: string) => `2026-01-0${day}T00:00:00.000Z r1 ${text}\n`;
  await writeFile(join(at.folder, 'previous.log'), record(1, 'one') + record(2, 'two'));
  await writeFile(join(at.folder, 'current.log'), record(3, 'three') + record(4, 'four') + record(5, 'five'));
  await at.history.append('r1', ['now']);
  await at.history.trim(new Date('2026-01-02T00:00:00Z'));
  t.deepEqual(await textsOf(at.history), ['two', 'three', 'four', 'five', 'now']);
  const following = at.history.query({ ...figlet, follow: true });
  t.is((await following.next()).value?.text, 'two');
  await at.history.trim(new Date('2026-01-05T00:00:00Z'));
  await at.history.append('r1', ['later']);
  t.deepEqual(await textsOf(at.history), ['five', 'now', 'later']);
  t.deepEqual(await readdir(at.folder), ['current.log']);
  const rest: (string | undefined)[] = [];
  while (rest.at(-1) !== 'later') rest.push((await following.next()).value?.text);
  t.deepEqual(rest, ['three', 'four', 'five', 'now', 'later']);
  await following.return();
  await at.history.trim(new Date('2099-01-01T00:00:00Z'));
  t.deepEqual(await readdir(at.folder), []);
  await at.history.append('r1', ['again']);
  t.deepEqual(await textsOf(at.history), ['again']);
});
