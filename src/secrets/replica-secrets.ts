import { chmod, chown, mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs } from '../base/absent-file.ts';
import { diskFullOf } from '../base/disk-full.ts';
import { InOrder } from '../base/in-order.ts';
import type { Log } from '../base/log.ts';
import { checkName } from './secret-name.ts';

/** A secret as a replica is to see it. */
export interface SecretFile {
  name: string;
  /** The exact bytes. */
  value: Buffer;
}

/** The user that the function runs as, by its image's USER, in the host's numbers. */
export interface SecretOwner {
  uid: number;
  gid: number;
}

/** Types of the file systems that live in memory: tmpfs and ramfs, see statfs(2). */
const inMemoryTypes = [0x01021994, 0x858458f6];

/** Begins the names of files that take the place of a copy in a moment. */
const temporaryPrefix = '.new-';

/**
 * Keeps the copies of secrets that replicas see, `<runDir>/secrets/<replicaId>/<name>`, to be bind-mounted read-only at
 * /var/openfaas/secrets. Each is 0400 and its owner's alone; the 0700 folder above keeps every other user of the host
 * out, the owner's namesake on the host included. A running replica sees a new value as soon as its copy is refreshed.
 */
export class ReplicaSecrets {
  readonly #dir: string;
  readonly #log: Log;
  /** A copy is made, refreshed and removed in turn: none is made of a value that was replaced, or in a folder that goes. */
  readonly #inTurn = new InOrder();

  constructor({ runDir, log }: { runDir: string; log: Log }) {
    this.#dir = join(runDir, 'secrets');
    this.#log = log;
  }

  /** Makes the folder, and warns where it is on disk. Nothing else may be called before it resolves. */
  async start(): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await chmod(this.#dir, 0o700);
    // A crash in the middle of a refresh left these.
    for (const name of await readdir(this.#dir)) {
      if (name.startsWith(temporaryPrefix)) await rm(join(this.#dir, name), { recursive: true, force: true });
    }
    if (inMemoryTypes.includes((await statfs(this.#dir)).type)) return;
    this.#log.warn('secrets of running functions are on disk: put the run directory on tmpfs, such as /run', {
      dir: this.#dir,
    });
  }

  /**
   * Makes a replica's folder anew and answers its path. Only before the replica's task is made.
   * @param read reads the secrets
   * @throws DiskFullError when there is no room for it
   */
  prepare(replicaId: string, read: () => Promise<SecretFile[]>, owner: SecretOwner): Promise<string> {
    return this.#inTurn.run(replicaId, async () => {
      const files = await read();
      for (const { name } of files) checkName('secret', name);
      const folder = this.path(replicaId);
      await mkdir(this.#dir, { recursive: true, mode: 0o700 }).catch(diskFullOf('run_dir'));
      await makeFor(owner, folder, files).catch(diskFullOf('run_dir'));
      return folder;
    });
  }

  /**
   * Gives a replica's copies the values of now, each in one step: who reads the file sees the old value or the new one.
   * @param read reads the value of a secret; undefined keeps the copy as it is
   * @throws DiskFullError when there is no room for a new copy
   */
  refresh(replicaId: string, read: (name: string) => Promise<Buffer | undefined>): Promise<void> {
    return this.#inTurn.run(replicaId, async () => {
      const folder = this.path(replicaId);
      for (const name of await readdir(folder).catch(absentAs<string[]>([]))) {
        const value = await read(name);
        const path = join(folder, name);
        if (!value || value.equals(await readFile(path))) continue;
        await this.#replace(path, `${temporaryPrefix}${replicaId}`, value).catch(diskFullOf('run_dir'));
      }
    });
  }

  /** The replica's own folder never shows the temporary file. */
  async #replace(path: string, temporaryName: string, value: Buffer): Promise<void> {
    const temporary = join(this.#dir, temporaryName);
    try {
      await writeFor(await stat(path), temporary, value);
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Removes a replica's folder; there need not be one. */
  async remove(replicaId: string): Promise<void> {
    const folder = this.path(replicaId);
    await this.#inTurn.run(replicaId, () => rm(folder, { recursive: true, force: true }));
  }

  /** Lists the ids of the replicas that have a folder, for whoever collects what is left of replicas that are gone. */
  async list(): Promise<string[]> {
    const entries = await readdir(this.#dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  }

  /** Answers the path of a replica's folder, whether it is there or not. */
  path(replicaId: string): string {
    checkName('replica', replicaId);
    return join(this.#dir, replicaId);
  }
}

async function makeFor(owner: SecretOwner, folder: string, files: SecretFile[]): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  for (const file of files) await writeFor(owner, join(folder, file.name), file.value);
  await chmod(folder, 0o500);
  await chown(folder, owner.uid, owner.gid);
}

async function writeFor({ uid, gid }: SecretOwner, path: string, value: Buffer): Promise<void> {
  await using file = await open(path, 'wx', 0o400);
  await file.writeFile(value);
  await file.chown(uid, gid);
}
