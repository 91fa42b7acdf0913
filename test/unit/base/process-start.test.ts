import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { uptime } from 'node:os';
import test from 'ava';
import { processStartTicks, tickMs } from '../../../src/base/process-start.ts';

test('a process began between what was before it and what came after, whatever its name', async (t) => {
  const nowTicks = () => (uptime() * 1000) / tickMs;
  const before = nowTicks();
  const child = spawn(process.execPath, [
    '-e',
    'process.title = ") 1 2 ("; setInterval(() => {}, 1000); console.log(1)',
  ]);
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const ticks = (await processStartTicks(child.pid ?? 0)) ?? 0;
  t.true(ticks >= before - 2 && ticks <= nowTicks() + 2, `${before} ${ticks} ${nowTicks()}`);
  child.kill('SIGKILL');
  await once(child, 'close');
  t.is(await processStartTicks(child.pid ?? 0), undefined);
});
