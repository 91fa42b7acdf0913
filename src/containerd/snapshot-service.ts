import { withTimeout, type CallOptions, type Connection } from './call.ts';
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
  updatedAt?: Date;
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

export type Snapshots = ReturnType<typeof snapshotsOn>;

// These create, sync or remove files, which takes its time on an SD card.
const fileTimeoutMs = 60_000;

export function snapshotsOn(connection: Connection) {
  async function prepare(snapshot: NewSnapshot, options?: CallOptions): Promise<Mount[]> {
    const { mounts } = await connection.unary(methods.Prepare, snapshot, withTimeout(options, fileTimeoutMs));
    return mounts;
  }
  return {
    /**
     * A writable layer on `parent`; kept from the garbage collector only by a lease or a container. A containerd that
     * ended in the middle of one leaves a folder in the way of the next, which fails and takes it away: hence once more.
     */
    prepare: (snapshot: NewSnapshot, options?: CallOptions): Promise<Mount[]> =>
      prepare(snapshot, options).catch((error: unknown) => {
        if (!isUnknown(error)) throw error;
        return prepare(snapshot, options);
      }),
    /** A read-only look at `parent`. */
    async view(snapshot: NewSnapshot, options?: CallOptions): Promise<Mount[]> {
      const { mounts } = await connection.unary(methods.View, snapshot, withTimeout(options, fileTimeoutMs));
      return mounts;
    },
    async mounts(key: SnapshotKey, options?: CallOptions): Promise<Mount[]> {
      const { mounts } = await connection.unary(methods.Mounts, key, options);
      return mounts;
    },
    /** Makes the active snapshot `key` a parent for others, under `name`. */
    async commit(snapshot: SnapshotKey & { name: string; labels?: Labels }, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Commit, snapshot, withTimeout(options, fileTimeoutMs));
    },
    /** Succeeds even while a task runs on it, whose files then vanish: delete the task first. */
    async remove(key: SnapshotKey, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Remove, key, withTimeout(options, fileTimeoutMs));
    },
    async stat(key: SnapshotKey, options?: CallOptions): Promise<SnapshotInfo> {
      const { info } = await connection.unary(methods.Stat, key, options);
      return toSnapshotInfo(present(info));
    },
    /** Paths: `labels` or `labels.<key>`. */
    async update(
      { snapshotter, key, labels }: SnapshotKey & { labels: Labels },
      paths: string[],
      options?: CallOptions,
    ): Promise<SnapshotInfo> {
      const request = { snapshotter, info: { name: key, labels }, updateMask: { paths } };
      const { info } = await connection.unary(methods.Update, request, options);
      return toSnapshotInfo(present(info));
    },
    async list(
      { snapshotter, filters = [] }: { snapshotter: string; filters?: string[] },
      options?: CallOptions,
    ): Promise<SnapshotInfo[]> {
      const pages = await connection.collect(methods.List, { snapshotter, filters }, options);
      return pages.flatMap(({ info }) => info.map(toSnapshotInfo));
    },
    /** Disk space of this snapshot alone, without its parents. */
    async usage(key: SnapshotKey, options?: CallOptions): Promise<{ sizeBytes: number; inodes: number }> {
      const { size, inodes } = await connection.unary(methods.Usage, key, withTimeout(options, fileTimeoutMs));
      return { sizeBytes: size, inodes };
    },
  };
}

function toSnapshotInfo({ name, parent, kind, labels, createdAt, updatedAt }: Info__Output): SnapshotInfo {
  return { name, parent, kind, labels, createdAt: toDate(createdAt), updatedAt: toDate(updatedAt) };
}
