import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ContainerdStorage } from '../../backends/containerd/index.ts';
import { absentAs, hasCode } from '../../base/absent-file.ts';
import { diskOf, isFull } from '../../base/disk-full.ts';
import { silentLog } from '../../base/log.ts';
import { missingMount, mountTables } from '../../base/missing-mount.ts';
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
    const unmounted = await unmountedFindings(patient);
    return [...unmounted, ...(await Promise.all([...new Set(first)].map(diskFindings))).flat()];
  },
};

/** What berth says of disks that the host is told to mount and has not; an empty folder in their place looks well. */
async function unmountedFindings({ root, config }: Patient): Promise<Finding[]> {
  const { fstab, units, mounted } = mountTables;
  const of = { fstab: join(root, fstab), units: join(root, units), mounted: join(root, mounted) };
  const { dataDir, functionsDir } = config;
  const missingData = await missingMount(dataDir, of);
  const missingFiles = functionsDir === undefined ? undefined : await missingMount(functionsDir, of);
  const found = (setting: string, point: string, so: string) =>
    `${setting} is on ${point}, which is not mounted: ${so}`;
  return [
    ...(missingData ? [fail(found('data_dir', missingData, 'berth waits for it'), mountBy(missingData))] : []),
    ...(missingFiles
      ? [warn(found('functions_dir', missingFiles, 'its functions stay as they were'), mountBy(missingFiles))]
      : []),
  ];
}

/** A mount of systemd's that is in no fstab is a unit to start. */
function mountBy(point: string): string {
  const unit = `"$(systemd-escape -p --suffix=mount '${point}')"`;
  return `sudo mount '${point}' || sudo systemctl start ${unit}; where the disk is missing, journalctl -k -p err says why`;
}

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
