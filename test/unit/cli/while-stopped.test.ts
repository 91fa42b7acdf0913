import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { whileStopped } from '../../../src/cli/while-stopped.ts';

test('where there is no systemd, berth is stopped before and started after, whatever comes of it', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'stopped-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'done');
  await writeFile(path.join(folder, 'install.sh'), `echo $1 >>${file}`);
  const act = async () => {
    await appendFile(file, 'act\n');
    throw new Error('it cannot be done');
  };
  await t.throwsAsync(whileStopped(act, 'supervisor', { folder }), { message: 'it cannot be done' });
  t.is(await readFile(file, 'utf8'), 'stop\nact\nstart\n');
});

test('where berth cannot be stopped nothing is done, and it is started again', async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'stopped-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'done');
  await writeFile(path.join(folder, 'install.sh'), `echo $1 >>${file}; [ $1 = start ] || { echo why >&2; exit 1; }\n`);
  const act = () => appendFile(file, 'act\n');
  await t.throwsAsync(whileStopped(act, 'supervisor', { folder }), { message: /install\.sh stop failed: why$/ });
  t.is(await readFile(file, 'utf8'), 'stop\nstart\n');
});
