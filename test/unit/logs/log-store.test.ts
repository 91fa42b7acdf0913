import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdir, mkdtemp, open, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import {
  LogStore,
  type LogLine,
  type LogQuery,
  type LogReplica,
  type LogStoreOptions,
} from '../../../src/logs/index.ts';
import { createLog } from '../../../src/base/log.ts';
import { until } from '../../helpers/poll.ts';

const figlet: LogReplica = { id: 'r1', name: 'figlet', namespace: 'openfaas-fn' };

async function startStore(options: Partial<LogStoreOptions> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'logs-'));
  const warnings: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => warnings.push(line) });
  const create = () => new LogStore({ dir, log, journalSocket: join(dir, 'no-journal'), ...options });
  const at = {
    dir,
    warnings,
    store: create(),
    async restart() {
      await at.store.stop();
      at.store = create();
      await at.store.start();
    },
    async [Symbol.asyncDispose]() {
      await at.store.stop();
      await rm(dir, { recursive: true });
    },
  };
  await at.store.start();
  return at;
}

/** What the shim does: a process that opens both files for append and lives by itself. */
async function runTask(store: LogStore, replica: LogReplica, script: string) {
  const { stdout, stderr } = await store.tails.stdioFor(replica);
  await using out = await open(stdout, 'a');
  await using err = await open(stderr, 'a');
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', out.fd, err.fd] });
  return { child, ended: once(child, 'exit'), answer: () => child.stdin?.end('\n') };
}

async function runToEnd(store: LogStore, replica: LogReplica, script: string) {
  const task = await runTask(store, replica, script);
  await task.ended;
}

async function textsOf(store: LogStore, query: Partial<LogQuery> = {}): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of store.archive.query({ ...nameOf(figlet), follow: false, ...query })) texts.push(text);
  return texts;
}

function nameOf({ name, namespace }: LogReplica) {
  return { name, namespace };
}

test('what a task writes to stdout and stderr is in its history once it is finished, and its files are gone', async (t) => {
  await using at = await startStore();
  await runToEnd(at.store, figlet, 'echo out; echo err >&2; printf "no end"');
  await at.store.tails.finish(figlet);
  t.deepEqual((await textsOf(at.store)).sort(), ['err', 'no end', 'out']);
  t.deepEqual(await readdir(join(at.dir, 'tasks')), []);
  t.deepEqual(await at.store.tails.list(), []);
  await at.store.tails.finish(figlet);
});

test('a follower gets a line while the task runs', async (t) => {
  await using at = await startStore();
  const task = await runTask(at.store, figlet, 'echo ready; read go; echo gone; read end');
  const lines = at.store.archive.query({ ...nameOf(figlet), follow: true })[Symbol.asyncIterator]();
  const ready = (await lines.next()).value as LogLine;
  t.like(ready, { ...nameOf(figlet), instance: 'r1', text: 'ready' });
  task.child.stdin?.write('\n');
  t.like((await lines.next()).value, { text: 'gone' });
  await lines.return?.();
  task.answer();
  await task.ended;
});

test('a line without an end is delivered when the task pauses', async (t) => {
  await using at = await startStore();
  const task = await runTask(at.store, figlet, 'printf "password: "; read end');
  const lines = at.store.archive.query({ ...nameOf(figlet), follow: true })[Symbol.asyncIterator]();
  t.like((await lines.next()).value, { text: 'password: ' });
  await lines.return?.();
  task.answer();
  await task.ended;
});

test('lines are neither lost nor doubled when the daemon stops and starts while a task writes', async (t) => {
  await using at = await startStore();
  const task = await runTask(
    at.store,
    figlet,
    'i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done; read end; echo last',
  );
  while ((await textsOf(at.store, { tail: 1 }))[0] !== 'line 4999') {
    await at.restart();
    await at.store.tails.follow(figlet);
    await until(async () => (await textsOf(at.store)).length > 0);
  }
  await at.store.stop();
  task.answer();
  await task.ended;
  await at.restart();
  t.deepEqual(await at.store.tails.list(), [figlet]);
  await at.store.tails.finish(figlet);
  t.deepEqual(await textsOf(at.store), [...Array.from({ length: 5000 }, (_, index) => `line ${index}`), 'last']);
});

test('a daemon that is killed again and again loses no line and doubles none', async (t) => {
  await using at = await startStore({ historyBytes: 64 * 1024 * 1024 });
  await at.store.stop();
  const daemon = new URL('./follow-logs-fixture.ts', import.meta.url).pathname;
  const total = 20_000;
  const script = `i=0; while [ $i -lt ${total} ]; do echo "line $i"; i=$((i+1)); [ $((i % 250)) -ne 0 ] || sleep 0.05; done`;
  const task = await runTask(at.store, figlet, script);
  await at.store.stop();
  let kills = 0;
  for (; task.child.exitCode === null; kills++) {
    const process_ = spawn(process.execPath, [daemon, at.dir, JSON.stringify(figlet)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Where the one before read the last line there is none to come.
    await Promise.race([once(process_.stdout, 'data'), task.ended]);
    process_.kill('SIGKILL');
    await once(process_, 'exit');
  }
  await task.ended;
  await at.restart();
  await at.store.tails.finish(figlet);
  const texts = await textsOf(at.store);
  t.log({ kills });
  t.true(kills > 1);
  t.deepEqual(
    texts,
    Array.from({ length: total }, (_, index) => `line ${index}`),
  );
});

test('a line of 10 MiB is drained and the line after it arrives', async (t) => {
  await using at = await startStore({ historyBytes: 64 * 1024 * 1024 });
  await runToEnd(at.store, figlet, 'head -c 10485760 /dev/zero | tr "\\0" x; echo; echo ok');
  await at.store.tails.finish(figlet);
  const texts = await textsOf(at.store);
  t.is(texts.at(-1), 'ok');
  t.is(texts.slice(0, -1).join('').replaceAll('…', '').length, 10 * 1024 * 1024);
});

test('any bytes go through and the stream goes on', async (t) => {
  await using at = await startStore();
  await runToEnd(at.store, figlet, 'printf "\\377\\376 \\033[31mred\\033[0m\\nnext\\n"');
  await at.store.tails.finish(figlet);
  t.deepEqual(await textsOf(at.store), ['\uFFFD\uFFFD \u001b[31mred\u001b[0m', 'next']);
});

test('what was read of a task takes no disk while it writes on and on, and what is kept of it is whole', async (t) => {
  await using at = await startStore();
  const lines = `yes ${'x'.repeat(99)} | head -c 100000000`;
  const task = await runTask(at.store, figlet, `for round in 1 2; do ${lines}; read next; done`);
  const path = join(at.dir, 'tasks', 'r1.stdout');
  for (const written of [100_000_000, 200_000_000]) {
    const isGivenBack = async () => {
      const { size, blocks } = await stat(path);
      return size >= written && blocks * 512 <= 2 * 1024 * 1024;
    };
    await until(isGivenBack, { timeoutMs: 60_000, message: `the disk of ${written} bytes` });
    task.child.stdin?.write('\n');
  }
  await task.ended;
  await at.store.tails.finish(figlet);
  const texts = (await textsOf(at.store)).filter((text) => !text.startsWith('berth: '));
  t.true(texts.length > 10_000);
  t.deepEqual([...new Set(texts)], ['x'.repeat(99)]);
  t.deepEqual(at.warnings, []);
});

test('a task that was far ahead of us is caught up with at its newest lines, and the gap is told', async (t) => {
  await using at = await startStore();
  const { stdout } = await at.store.tails.stdioFor(figlet);
  await at.store.stop();
  for (let block = 0; block < 30; block++) await appendFile(stdout, `${'x'.repeat(99)}\n`.repeat(10_000));
  await appendFile(stdout, 'newest\n');
  await at.restart();
  await at.store.tails.finish(figlet);
  const texts = await textsOf(at.store);
  t.is(texts.at(-1), 'newest');
});

test('lines go on after somebody truncates a file', async (t) => {
  await using at = await startStore();
  const { stdout } = await at.store.tails.stdioFor(figlet);
  await appendFile(stdout, 'before, and long\n');
  await until(async () => (await textsOf(at.store)).length === 1);
  await (await open(stdout, 'w')).close();
  await until(() => at.store.tails.follow(figlet).then(() => true));
  await appendFile(stdout, 'after\n');
  await until(async () => (await textsOf(at.store)).length === 2);
  t.deepEqual(await textsOf(at.store), ['before, and long', 'after']);
});

test('a new task of the same replica goes on in the same history', async (t) => {
  await using at = await startStore();
  for (const text of ['first', 'second']) {
    await runToEnd(at.store, figlet, `echo ${text}`);
    await at.store.tails.finish(figlet);
  }
  t.deepEqual(await textsOf(at.store, { instance: 'r1' }), ['first', 'second']);
});

test('what a crash left beside the progress of tasks holds up no list, and goes at the next start', async (t) => {
  await using at = await startStore();
  await runToEnd(at.store, figlet, 'echo line');
  await writeFile(join(at.dir, 'progress/.tmp-0123456789abcdef'), '{');
  t.deepEqual(await at.store.tails.list(), [figlet]);
  await at.restart();
  t.deepEqual(await readdir(join(at.dir, 'progress')), ['r1.json']);
});

test('a task that is started again after its files were cleared away is read from the new ones', async (t) => {
  await using at = await startStore();
  await runToEnd(at.store, figlet, 'echo before');
  await until(async () => (await textsOf(at.store)).includes('before'));
  await rm(join(at.dir, 'tasks'), { recursive: true });
  await runToEnd(at.store, figlet, 'echo after');
  await until(async () => (await textsOf(at.store)).includes('after'));
  await at.restart();
  t.deepEqual(await textsOf(at.store), ['before', 'after']);
});

test('a folder that others use as well stays as open as it was, and ours in it are private', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'logs-'));
  t.teardown(() => rm(dir, { recursive: true }));
  await chmod(dir, 0o755);
  await mkdir(join(dir, 'history'), { mode: 0o755 });
  const log = createLog({ level: 'error' });
  const store = new LogStore({ dir, log, journalSocket: join(dir, 'no-journal') });
  const deeper = new LogStore({ dir: join(dir, 'new/own'), log, journalSocket: join(dir, 'no-journal') });
  for (const each of [store, deeper]) {
    await each.start();
    await each.stop();
  }
  const modeOf = async (name: string) => ((await stat(join(dir, name))).mode & 0o777).toString(8);
  t.is(await modeOf('.'), '755');
  for (const name of ['history', 'tasks', 'progress', 'new/own']) t.is(await modeOf(name), '700', name);
});

test("replicas share their function's history and no other", async (t) => {
  await using at = await startStore();
  const replicas = [
    figlet,
    { ...figlet, id: 'r2' },
    { ...figlet, id: 'r3', namespace: 'dev' },
    { ...figlet, id: 'r4', name: 'cows' },
  ];
  for (const replica of replicas) await runToEnd(at.store, replica, `echo ${replica.id}`);
  t.deepEqual((await at.store.tails.list()).map(({ id }) => id).sort(), ['r1', 'r2', 'r3', 'r4']);
  for (const replica of replicas) await at.store.tails.finish(replica);
  t.deepEqual((await textsOf(at.store)).sort(), ['r1', 'r2']);
  t.deepEqual(await textsOf(at.store, { instance: 'r2' }), ['r2']);
  t.deepEqual(await textsOf(at.store, { namespace: 'dev' }), ['r3']);
});

test('the lines of a function that is gone stay readable, and are removed when they are old', async (t) => {
  await using at = await startStore({ retentionMs: 60_000 });
  const old = { ...figlet, id: 'r2', name: 'old' };
  const running = { ...figlet, id: 'r3', name: 'running' };
  for (const replica of [figlet, old, running]) await runToEnd(at.store, replica, 'echo hello');
  for (const replica of [figlet, old]) await at.store.tails.finish(replica);
  await until(async () => (await textsOf(at.store, { name: 'running' })).length === 1);
  for (const { name } of [old, running])
    await utimes(join(at.dir, 'history', 'openfaas-fn', name, 'current.log'), 0, 0);
  await at.restart();
  t.deepEqual(await textsOf(at.store), ['hello']);
  t.deepEqual(await textsOf(at.store, { name: 'old' }), []);
  t.deepEqual(await textsOf(at.store, { name: 'running' }), ['hello']);
  const names = ['figlet', 'old', 'running', 'unknown'];
  const has = await Promise.all(names.map((name) => at.store.archive.has({ ...nameOf(figlet), name })));
  t.deepEqual(has, [true, false, true, false]);
});

test('when all lines together take too much, functions without replicas that were silent longest lose theirs', async (t) => {
  await using at = await startStore({ totalBytes: 2_500 });
  const replicas = ['a', 'b', 'c'].map((name) => ({ ...figlet, id: name, name }));
  for (const [age, replica] of replicas.entries()) {
    await runToEnd(at.store, replica, 'head -c 1000 /dev/zero | tr "\\0" x');
    await at.store.tails.finish(replica);
    await utimes(join(at.dir, 'history', 'openfaas-fn', replica.name, 'current.log'), 1e9 + age, 1e9 + age);
  }
  const forever = new LogStore({
    dir: at.dir,
    log: createLog({ write: () => undefined }),
    totalBytes: 2_500,
    retentionMs: Infinity,
  });
  await forever.sweep();
  const kept = await Promise.all(replicas.map(async ({ name }) => (await textsOf(forever, { name })).length));
  t.deepEqual(kept, [0, 1, 1]);
});

test('names that leave the folder are refused', async (t) => {
  await using at = await startStore();
  for (const name of ['..', '../x', 'a/b', '', '.hidden', 'a\0b']) {
    t.throws(() => at.store.archive.query({ name, namespace: 'dev', follow: false }), { name: 'LogError' });
    t.throws(() => at.store.archive.query({ name: 'figlet', namespace: name, follow: false }), { name: 'LogError' });
    await t.throwsAsync(at.store.tails.stdioFor({ ...figlet, id: name }), { name: 'LogError' });
  }
});

test('a history that cannot be written is warned about once, and neither followers nor tasks are held up', async (t) => {
  await using at = await startStore();
  const { stdout } = await at.store.tails.stdioFor(figlet);
  const lines = at.store.archive.query({ ...nameOf(figlet), follow: true })[Symbol.asyncIterator]();
  const first = lines.next();
  await textsOf(at.store);
  await writeFile(join(at.dir, 'history', 'openfaas-fn'), 'not a folder');
  await appendFile(stdout, 'one\n');
  t.like((await first).value, { text: 'one' });
  const second = lines.next();
  await appendFile(stdout, 'two\n');
  t.like((await second).value, { text: 'two' });
  await rm(join(at.dir, 'history', 'openfaas-fn'));
  await appendFile(stdout, 'three\n');
  await until(async () => (await textsOf(at.store)).includes('three'));
  t.is(at.warnings.filter((line) => line.includes('cannot keep log lines')).length, 1);
  await lines.return?.();
});

test('followers end when the store stops', async (t) => {
  await using at = await startStore();
  const lines = at.store.archive.query({ ...nameOf(figlet), follow: true })[Symbol.asyncIterator]();
  const next = lines.next();
  // The question has been asked once a later one is answered.
  await textsOf(at.store);
  await at.store.stop();
  t.true((await next).done);
});

test("logs are their owner's alone", async (t) => {
  await using at = await startStore();
  await runToEnd(at.store, figlet, 'echo private');
  t.is((await stat(at.dir)).mode & 0o777, 0o700);
  t.is((await stat(join(at.dir, 'tasks', 'r1.stdout'))).mode & 0o777, 0o600);
});

test('200 functions that write at once all have their lines', async (t) => {
  await using at = await startStore();
  const replicas = Array.from({ length: 200 }, (_, index) => ({
    id: `r${index}`,
    name: `fn-${index}`,
    namespace: 'dev',
  }));
  const before = process.memoryUsage().rss;
  const stdios = await Promise.all(replicas.map((replica) => at.store.tails.stdioFor(replica)));
  for (let line = 0; line < 5; line++) {
    await Promise.all(
      stdios.map(({ stdout, stderr }) =>
        Promise.all([appendFile(stdout, `${line}\n`), appendFile(stderr, `${line}\n`)]),
      ),
    );
  }
  await Promise.all(replicas.map((replica) => at.store.tails.finish(replica)));
  for (const { name } of replicas) t.is((await textsOf(at.store, { name, namespace: 'dev' })).length, 10);
  t.log({ mebibytesFor200: (process.memoryUsage().rss - before) / 1024 / 1024 });
});

test('it stops also while a task is looked for whose files are gone', async (t) => {
  await using at = await startStore();
  const following = at.store.tails.follow(figlet);
  await t.notThrowsAsync(at.store.stop());
  await t.notThrowsAsync(following);
});
