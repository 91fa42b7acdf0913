import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLog } from '../../../src/base/log.ts';
import { DataLock } from '../../../src/daemon/data-lock.ts';
import { until } from '../../helpers/poll.ts';

interface World {
  dataDir: string;
  lines: string[];
  take: (options?: { isService?: boolean; signal?: AbortSignal }) => Promise<DataLock | undefined>;
}

async function startWorld(t: ExecutionContext): Promise<World> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'lock-'));
  t.teardown(() => rm(dataDir, { recursive: true }));
  const lines: string[] = [];
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  const { signal: never } = new AbortController();
  return {
    dataDir,
    lines,
    take: ({ isService = true, signal = never } = {}) => DataLock.take({ dataDir, isService, signal, log }),
  };
}

test('a second daemon on the same data waits for the first to give it up, and says so', async (t) => {
  const { dataDir, lines, take } = await startWorld(t);
  const first = await take();
  t.is(await readFile(path.join(dataDir, 'lock'), 'utf8'), String(process.pid));
  let isTaken = false;
  const second = take().then((lock) => {
    isTaken = true;
    return lock;
  });
  await until(() => lines.length > 0);
  t.deepEqual(lines, [`<4>another berth, process ${process.pid}, has data_dir ${dataDir}: waiting for it to end\n`]);
  t.false(isTaken);
  await first?.release();
  await (await second)?.release();
});

test('what a process had is free when it dies', async (t) => {
  const { dataDir, take } = await startWorld(t);
  const holder = spawn('flock', ['--no-fork', path.join(dataDir, 'lock'), 'sh', '-c', 'echo held; exec sleep 1000']);
  await once(holder.stdout, 'data');
  const waiting = take();
  holder.kill('SIGKILL');
  const lock = await waiting;
  t.truthy(lock);
  await lock?.release();
});

test('a daemon that is asked to end while it waits ends, and leaves no process', async (t) => {
  const { lines, take } = await startWorld(t);
  const first = await take();
  const ending = new AbortController();
  const second = take({ signal: ending.signal });
  await until(() => lines.length > 0);
  ending.abort();
  t.is(await second, undefined);
  await first?.release();
});

test('data that cannot be locked is said, and keeps no daemon from starting', async (t) => {
  const { dataDir, lines } = await startWorld(t);
  const file = path.join(dataDir, 'file');
  await writeFile(file, '');
  const log = createLog({ journal: true, write: (line) => lines.push(line) });
  const { signal } = new AbortController();
  t.truthy(await DataLock.take({ dataDir: file, isService: true, signal, log }));
  t.regex(lines.join(''), /^<4>cannot lock data_dir, start no other berth on it dataDir=/);
});

test('a full disk keeps no daemon from starting', async (t) => {
  const { dataDir, lines, take } = await startWorld(t);
  await symlink('/dev/full', path.join(dataDir, 'lock'));
  const lock = await take();
  t.truthy(lock);
  t.regex(lines.join(''), /^<4>cannot write whose data_dir is dataDir=/);
  await lock?.release();
});
