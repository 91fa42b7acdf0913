import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { until } from '../../helpers/poll.ts';
import { endProcess } from '../../helpers/processes.ts';

const main = path.join(import.meta.dirname, '../../../src/main.ts');

/** A fault, when it is asked for: a rejection that nobody handles, or an error that nobody catches. */
const faulty = `process.on('SIGUSR1', () => void Promise.reject(new Error('broken promise')));
  process.on('SIGUSR2', () => { throw new Error('broken listener'); });`;

/** The daemon, while it waits for another one to end: it has touched nothing. */
async function withFault(signal: NodeJS.Signals) {
  const folder = await mkdtemp(path.join(tmpdir(), 'fault-'));
  const held = ['--no-fork', path.join(folder, 'lock'), 'sh', '-c', 'echo held; exec sleep 1000'];
  const other = spawn('flock', held, { stdio: ['ignore', 'pipe', 'ignore'] });
  await once(other.stdout, 'data');
  try {
    const preload = `data:text/javascript,${encodeURIComponent(faulty)}`;
    const env = { PATH: process.env.PATH, data_dir: folder, run_dir: folder, JOURNAL_STREAM: '1:1' };
    const berth = spawn(process.execPath, ['--import', preload, main], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = once(berth, 'close');
    let said = '';
    berth.stdout.setEncoding('utf8').on('data', (more: string) => (said += more));
    const printed = text(berth.stderr);
    await until(() => said.includes('waiting for it to end'), { message: 'the daemon to wait' });
    berth.kill(signal);
    const [code] = (await ended) as [number | null];
    return { code, said: said.split('\n').at(-2), printed: await printed };
  } finally {
    await endProcess(other, 'SIGKILL');
    await rm(folder, { recursive: true });
  }
}

for (const [signal, fault, origin] of [
  ['SIGUSR1', 'broken promise', 'unhandledRejection'],
  ['SIGUSR2', 'broken listener', 'uncaughtException'],
] as const)
  test(`a fault of the daemon's own, ${origin}, is told as an error and ends it`, async (t) => {
    const { code, said, printed } = await withFault(signal);
    t.is(code, 1);
    t.is(
      said,
      `<3>berth ends by a fault of its own, functions run on: report what follows error="${fault}" origin=${origin}`,
    );
    t.regex(printed, new RegExp(`Error: ${fault}\n    at `));
  });
