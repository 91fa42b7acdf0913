import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, mkdtemp, cp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { until } from '../../../helpers/poll.ts';
import { endProcess } from '../../../helpers/processes.ts';
import { completeLines, lacks } from '../../../helpers/queue-load.ts';

const program = join(import.meta.dirname, '../../../helpers/queue-load.ts');
const copies = 8;

/** Says whether all threads of a process have stopped. */
async function hasStopped(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`);
  const states = await Promise.all(threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
  return states.every((stat) => /\) T /.test(stat));
}

test('a copy of the store at any moment opens cleanly, and has every call that was answered for', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'crash-copies-'));
  const said = join(folder, 'said');
  await using output = await open(said, 'w');
  const queue = spawn(process.execPath, [program, 'load', join(folder, 'store')], {
    stdio: ['ignore', output.fd, 'inherit'],
  });
  try {
    await once(queue, 'spawn');
    const pid = queue.pid as number;
    const linesNow = async () => completeLines(await readFile(said, 'utf8'));
    const lines: string[][] = [];
    for (let copy = 0; copy < copies; copy++) {
      const before = lines.at(-1)?.length ?? 0;
      await until(async () => (await linesNow()).length > before + 100);
      // A moment like any other: of a write, a sync, a checkpoint or none.
      await sleep(Math.random() * 50);
      queue.kill('SIGSTOP');
      await until(() => hasStopped(pid));
      lines.push(await linesNow());
      await cp(join(folder, 'store'), join(folder, `copy-${copy}`), { recursive: true });
      queue.kill('SIGCONT');
    }
    await endProcess(queue, 'SIGKILL');
    for (const [copy, said] of lines.entries()) {
      t.deepEqual(await lacks(join(folder, `copy-${copy}`), said), [], `copy ${copy}`);
      t.log(`copy ${copy} has the calls of ${said.length} answers`);
    }
  } finally {
    await endProcess(queue, 'SIGKILL');
    await rm(folder, { recursive: true });
  }
});
