import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ContainerdStorage } from '../../backends/containerd/index.ts';
import { absentAs, hasCode } from '../../base/absent-file.ts';
import { diskOf, isFull } from '../../base/disk-full.ts';
import { silentLog } from '../../base/log.ts';
import { Containerd } from '../../containerd/index.ts';
import { fail, pass, warn, type Check, type Finding, type Patient } from './patient.ts';

const mebibyte = 1024 * 1024;
/** From here on a disk is nearly full. */
const few = { bytes: 512 * mebibyte, share: 0.05 };

export const diskCheck: Check = {
  name: 'disk',
  async look(patient) {
    const { dataDir, logDir, runDir } = patient.config;
    const folders = [dataDir, logDir, runDir, ...(await containerdFolders(patient))];
    const present = await Promise.all(folders.map(nearest));
    const byDevice = Map.groupBy(await Promise.all(present.map(placed)), ({ device }) => device);
    const first = [...byDevice.values()].map(([place]) => place?.folder ?? '/');
    return (await Promise.all([...new Set(first)].map(diskFindings))).flat();
  },
};

async function containerdFolders({ config, isRoot }: Patient): Promise<string[]> {
  if (!isRoot) return [];
  const containerd = new Containerd({ address: config.containerdAddress });
  const storage = new ContainerdStorage({ containerd, wanted: config.snapshotter, log: silentLog });
  await storage.look().catch(() => undefined);
  containerd.close();
  return storage.folders.length > 0 ? storage.folders : ['/var/lib/containerd'];
}

/** The folder, or the one that it would be made in. */
async function nearest(folder: string): Promise<string> {
  const there = await stat(folder).catch(absentAs(undefined));
  return there ? folder : nearest(dirname(folder));
}

async function placed(folder: string): Promise<{ folder: string; device: number }> {
  const { dev: device } = await stat(folder);
  return { folder, device };
}

async function diskFindings(folder: string): Promise<Finding[]> {
  const readOnly = await access(folder, constants.W_OK).then(
    () => false,
    (error: unknown) => hasCode(error, 'EROFS'),
  );
  if (readOnly) {
    const mend = `sudo mount -o remount,rw "$(findmnt -no TARGET -T ${folder})"; journalctl -k -p err says why`;
    return [fail(`the disk of ${folder} can only be read`, mend)];
  }
  const { bavail, bsize, blocks, files, ffree } = await diskOf(folder);
  const [bytes, share, inodes] = [bavail * bsize, bavail / blocks, files > 0 ? ffree / files : 1];
  const found = `${folder}: ${Math.round(bytes / mebibyte)} MiB (${Math.round(share * 100)} %) and ${Math.round(inodes * 100)} % of the inodes are free`;
  const takes = (what: string, sort: string) =>
    `see what takes them: sudo du -x${what} -d 2 ${folder} | sort ${sort} | tail`;
  if (await isFull(folder)) return [fail(found, takes(ffree === 0 && files > 0 ? ' --inodes' : 'h', '-h'))];
  if (inodes < few.share) return [warn(found, takes(' --inodes', '-n'))];
  if (bytes < few.bytes && share < few.share) return [warn(found, takes('h', '-h'))];
  return [pass(found)];
}
