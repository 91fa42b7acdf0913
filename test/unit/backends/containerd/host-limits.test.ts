import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { warnOfFewInotifyInstances } from '../../../../src/backends/containerd/host-limits.ts';
import { createLog } from '../../../../src/base/log.ts';

for (const [host, file, warnings] of [
  ['the kernel’s default', '128\n', 1],
  ['a limit that was raised', '8192\n', 0],
  ['a kernel without inotify', undefined, 0],
] as const) {
  test(`${host} of inotify instances is warned of ${warnings} times, with the command that helps`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'berth-limits-'));
    t.teardown(() => rm(root, { recursive: true }));
    const folder = join(root, 'proc/sys/fs/inotify');
    await mkdir(folder, { recursive: true });
    if (file) await writeFile(join(folder, 'max_user_instances'), file);
    const lines: string[] = [];
    await warnOfFewInotifyInstances(createLog({ level: 'info', write: (line) => lines.push(line) }), root);
    t.is(lines.length, warnings);
    if (warnings) t.regex(lines.join(), /warn .*sysctl -w fs\.inotify\.max_user_instances=8192 instances=128/);
  });
}
