import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { serviceState } from '../../../src/cli/service-state.ts';

/** A host without systemd, with these files. */
async function hostWith(t: ExecutionContext, files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'service-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const folder of ['run', 'var/log', 'proc/71']) await mkdir(join(root, folder), { recursive: true });
  for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text);
  return root;
}

test('without systemd the supervision says which process it is, and the log what it warned of last', async (t) => {
  const log =
    '2026-01-01T00:00:00Z info berth serves\n2026-01-01T00:00:01Z warn disk is not well\n2026-01-01T00:00:02Z info done\n';
  const root = await hostWith(t, { 'run/berth.pid': '70 71\n', 'var/log/berth.log': log });
  t.deepEqual(await serviceState('/prefix', root), {
    keeper: 'supervisor',
    isRunning: true,
    pid: '71',
    state: 'active',
    start: 'sudo kill 71',
    lastWords: '2026-01-01T00:00:01Z warn disk is not well',
  });
});

test('where it does not run, its installer starts it', async (t) => {
  const root = await hostWith(t, { 'run/berth.pid': '70 99\n' });
  t.like(await serviceState('/prefix', root), { isRunning: false, start: 'sudo sh /prefix/install.sh start' });
});
