import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createLog } from '../../../src/base/log.ts';
import { untilMounted } from '../../../src/daemon/until-mounted.ts';
import { until } from '../../helpers/poll.ts';

test('a data_dir whose disk is not mounted is waited for, which is said once', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'mounts-'));
  t.teardown(() => rm(dir, { recursive: true }));
  const tables = { fstab: join(dir, 'fstab'), units: dir, mounted: join(dir, 'mountinfo') };
  await writeFile(tables.fstab, `UUID=1 ${dir}/disk ext4 nofail 0 2\n`);
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const { signal } = new AbortController();
  const waiting = untilMounted(join(dir, 'disk/data'), { signal, log, tables, lookMs: 10 });
  await until(() => Promise.resolve(lines.length === 1));
  await writeFile(tables.mounted, `36 35 98:0 / ${dir}/disk rw - ext4 /dev/sda rw\n`);
  await waiting;
  t.is(lines.length, 1);
  await untilMounted(join(dir, 'other'), { signal, log, tables });
  const waitsFor = { signal: AbortSignal.abort(), log, tables };
  await untilMounted(join(dir, 'disk/data'), waitsFor);
  t.pass();
});
