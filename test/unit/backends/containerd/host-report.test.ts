import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { silentLog } from '../../../../src/base/log.ts';
import { HostReport, type HostReportOptions } from '../../../../src/backends/containerd/host-report.ts';

async function hostReport(t: ExecutionContext, changes: Partial<HostReportOptions> = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-host-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const plugins = path.join(folder, 'cni');
  const runs = path.join(folder, 'runs');
  await mkdir(plugins);
  await writeFile(path.join(plugins, 'bridge'), `#!/bin/sh\necho run >>${runs}\necho 'CNI bridge plugin v1.1.1' >&2\n`);
  await chmod(path.join(plugins, 'bridge'), 0o755);
  const report = new HostReport({
    containerd: { version: () => Promise.resolve({ version: 'v1.7.24', revision: '' }) },
    storage: { folders: [folder] },
    release: '1.2.3',
    ociRuntime: 'no-such-runtime',
    cniBinDirs: [path.join(folder, 'none'), plugins],
    folders: { data_dir: folder, log_dir: plugins, run_dir: path.join(folder, 'none') },
    log: silentLog,
    ...changes,
  });
  return { folder, report, timesRun: async () => (await readFile(runs, 'utf8')).trim().split('\n').length };
}

test('the host is told with the versions that can be had, and each disk once', async (t) => {
  const { folder, report } = await hostReport(t);
  const { versions, disks, ...facts } = await report.read();
  t.deepEqual(versions, {
    berth: '1.2.3',
    'Node.js': process.versions.node,
    containerd: '1.7.24',
    'CNI plugins': '1.1.1',
  });
  const [disk, ...others] = disks;
  t.deepEqual(others, []);
  t.like(disk, { name: 'data_dir, log_dir, containerd', path: folder });
  t.true(disk && disk.freeBytes > 0 && disk.freeBytes <= disk.bytes);
  t.is(facts.memoryBytes, totalmem());
  t.true(facts.freeMemoryBytes > 0 && facts.freeMemoryBytes < facts.memoryBytes);
  t.is(facts.load.length, 3);
  t.true(facts.cpus >= 1 && facts.uptimeSeconds > 0);
});

test('programs are asked for their version once, however often the host is asked for', async (t) => {
  const { report, timesRun } = await hostReport(t);
  await Promise.all([report.read(), report.read()]);
  await report.read();
  t.is(await timesRun(), 1);
});

test('a containerd that is away is left out', async (t) => {
  const away = { version: () => Promise.reject(new Error('away')) };
  const { report } = await hostReport(t, { containerd: away, storage: { folders: [] } });
  t.false('containerd' in (await report.read()).versions);
});
