import { withTimeout, type RpcOptions, type Connection } from './connection.ts';
import { isUnknown } from './containerd-error.ts';
import type { Info__Output } from './generated/containerd/services/snapshots/v1/Info.ts';
import { snapshots as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, type Labels, type Mount } from './wire-types.ts';

export type SnapshotKind = 'UNKNOWN' | 'VIEW' | 'ACTIVE' | 'COMMITTED';

export interface SnapshotInfo {
  /** The key of an active snapshot or view, the name of a committed one. */
  name: string;
  /** "" for none. */
  parent: string;
  kind: SnapshotKind;
  labels: Labels;
  createdAt?: Date;
}

/** Keys and names are unique in one namespace and snapshotter. */
export interface SnapshotKey {
  /** Such as `overlayfs`. */
  snapshotter: string;
  key: string;
}

export interface NewSnapshot extends SnapshotKey {
  /** The name of a committed snapshot; default none, an empty file system. */
  parent?: string;
  labels?: Labels;
}

export interface SnapshotUsage {
  bytes: number;
  /** Files and folders. */
  inodes: number;
}

// These create, sync or remove files, which takes its time on an SD card.
const fileTimeoutMs = 60_000;

/** Makes the calls on snapshots: the layers and the writable file systems of containers. */
export function snapshotsOn(connection: Connection) {
  async function prepare(snapshot: NewSnapshot, options?: RpcOptions): Promise<Mount[]> {
    const { mounts } = await connection.unary(methods.Prepare, snapshot, withTimeout(options, fileTimeoutMs));
    return mounts;
  }
  return {
    /**
     * Makes a writable layer on `parent`; only a lease or a container keeps it from the garbage collector. A containerd
     * that ended in the middle of one leaves a folder in the way of the next, which fails and takes it away: so it is
     * tried once more.
     */
    prepare: (snapshot: NewSnapshot, options?: RpcOptions): Promise<Mount[]> =>
      prepare(snapshot, options).catch((error: unknown) => {
        if (!isUnknown(error)) throw error;
        return prepare(snapshot, options);
      }),
    /** Says how an active snapshot is mounted. */
    async mounts(key: SnapshotKey, options?: RpcOptions): Promise<Mount[]> {
      const { mounts } = await connection.unary(methods.Mounts, key, options);
      return mounts;
    },
    /** Makes of the active snapshot `key` a parent for others, under `name`. */
    async commit(snapshot: SnapshotKey & { name: string; labels?: Labels }, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.Commit, snapshot, withTimeout(options, fileTimeoutMs));
    },
    /** Removes a snapshot, even while a task runs on it, whose files then vanish: delete the task first. */
    async remove(key: SnapshotKey, options?: RpcOptions): Promise<void> {
      await connection.unary(methods.Remove, key, withTimeout(options, fileTimeoutMs));
    },
    /** Counts what a snapshot holds itself, its parents not; containerd walks the files of an active one. */
    async usage(key: SnapshotKey, options?: RpcOptions): Promise<SnapshotUsage> {
      const { size, inodes } = await connection.unary(methods.Usage, key, withTimeout(options, fileTimeoutMs));
      return { bytes: size, inodes };
    },
    /** @throws ContainerdError for which `isNotFound` is true when there is none of this key */
    async stat(key: SnapshotKey, options?: RpcOptions): Promise<SnapshotInfo> {
      const { info } = await connection.unary(methods.Stat, key, options);
      return toSnapshotInfo(present(info));
    },
  };
}

function toSnapshotInfo({ name, parent, kind, labels, createdAt }: Info__Output): SnapshotInfo {
  return { name, parent, kind, labels, createdAt: toDate(createdAt) };
}
