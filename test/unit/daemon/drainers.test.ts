import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Drainers } from '../../../src/daemon/drainers.ts';
import { until } from '../../helpers/poll.ts';

async function runDir(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'drainers-'));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

/** Another process that says it drains, by the daemon's own code. */
const drainer = `
import { Drainers } from '${path.join(import.meta.dirname, '../../../src/daemon/drainers.ts')}';
await new Drainers(process.argv[1]).add();
console.log('added');
setInterval(() => {}, 1000);`;

test('who drains is waited for until it is gone', async (t) => {
  const folder = await runDir(t);
  const child = spawn(process.execPath, ['--input-type=module', '--eval', drainer, folder]);
  await once(child.stdout, 'data');
  let isGone = false;
  const gone = new Drainers(folder).gone(3_600_000).then(() => (isGone = true));
  await new Promise((resolve) => setImmediate(resolve));
  t.false(isGone);
  child.kill('SIGKILL');
  await until(() => isGone);
  await gone;
  t.deepEqual(await readdir(path.join(folder, 'draining')), []);
});

test('what a boot before left, another process of the same id, and nobody are not waited for', async (t) => {
  const folder = await runDir(t);
  const drainers = new Drainers(folder);
  await drainers.gone(3_600_000);
  await mkdir(path.join(folder, 'draining'));
  await writeFile(path.join(folder, 'draining/1'), '4711');
  await writeFile(path.join(folder, 'draining/999999999'), '4711');
  await drainers.gone(3_600_000);
  t.deepEqual(await readdir(path.join(folder, 'draining')), []);
});

test('a process that has drained leaves nothing', async (t) => {
  const folder = await runDir(t);
  const drainers = new Drainers(folder);
  await drainers.add();
  t.deepEqual(await readdir(path.join(folder, 'draining')), [String(process.pid)]);
  await drainers.delete();
  t.deepEqual(await readdir(path.join(folder, 'draining')), []);
});
