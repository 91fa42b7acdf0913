import { constants } from 'node:fs';
import { chmod, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAs, hasCode } from '../base/absent-file.ts';
import { diskFullOf } from '../base/disk-full.ts';
import { makeFolderDurably, removeDurably, sweepTemporaryFiles, writeDurably } from '../base/durable-file.ts';
import { SecretError } from './secret-error.ts';
import { checkName } from './secret-name.ts';

/** A secret that is there, without its value. */
export interface StoredSecret {
  name: string;
  namespace: string;
}

/**
 * Keeps secrets on disk, `<dir>/<namespace>/<name>`: exact bytes, 0600 files in 0700 folders, each change durable once its
 * promise is fulfilled. Symbolic links in there are not secrets and are never followed.
 */
export class SecretStore {
  readonly #dir: string;

  constructor({ dir }: { dir: string }) {
    this.#dir = dir;
  }

  /** Makes the folder private and removes what a crash left half written. Nothing else may be called before it resolves. */
  async start(): Promise<void> {
    await makeFolderDurably(this.#dir);
    await chmod(this.#dir, 0o700);
    const entries = await readdir(this.#dir, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    await Promise.all(folders.map((folder) => sweepTemporaryFiles(join(this.#dir, folder.name))));
  }

  /** Lists the secrets of a namespace, sorted by name; empty where it has none. */
  async list(namespace: string): Promise<StoredSecret[]> {
    const folder = this.#folder(namespace);
    if (!(await isFolder(folder))) return [];
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
      .map(({ name }) => ({ name, namespace }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Says whether there is such a secret. */
  async has(namespace: string, name: string): Promise<boolean> {
    const path = this.#path(namespace, name);
    if (!(await isFolder(this.#folder(namespace)))) return false;
    const found = await lstat(path).catch(absentAs(undefined));
    return found?.isFile() ?? false;
  }

  /**
   * Answers the exact bytes of a secret.
   * @throws SecretError of kind `not-found`
   */
  async read(namespace: string, name: string): Promise<Buffer> {
    await this.#mustHave(namespace, name);
    try {
      await using file = await open(this.#path(namespace, name), constants.O_RDONLY | constants.O_NOFOLLOW);
      return await file.readFile();
    } catch (error) {
      throw hasCode(error, 'ENOENT', 'ELOOP') ? notFound(namespace, name, error) : error;
    }
  }

  /**
   * Makes a secret.
   * @throws SecretError of kind `exists`
   */
  async create(namespace: string, name: string, value: Buffer): Promise<void> {
    const path = this.#path(namespace, name);
    try {
      await this.#makeFolder(namespace);
      await writeDurably(path, value, { exclusive: true });
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) return diskFullOf('data_dir')(error);
      const message = `secret ${name} already exists in namespace ${namespace}: update it instead`;
      throw new SecretError('exists', message, { cause: error });
    }
  }

  /**
   * Gives a secret another value.
   * @throws SecretError of kind `not-found`
   */
  async update(namespace: string, name: string, value: Buffer): Promise<void> {
    await this.#mustHave(namespace, name);
    await writeDurably(this.#path(namespace, name), value).catch(diskFullOf('data_dir'));
  }

  /**
   * Removes a secret.
   * @throws SecretError of kind `not-found`
   */
  async remove(namespace: string, name: string): Promise<void> {
    await this.#mustHave(namespace, name);
    try {
      await removeDurably(this.#path(namespace, name));
    } catch (error) {
      throw hasCode(error, 'ENOENT') ? notFound(namespace, name, error) : error;
    }
  }

  async #mustHave(namespace: string, name: string): Promise<void> {
    if (!(await this.has(namespace, name))) throw notFound(namespace, name);
  }

  async #makeFolder(namespace: string): Promise<void> {
    const folder = this.#folder(namespace);
    await makeFolderDurably(folder);
    if (await isFolder(folder)) return;
    throw new SecretError(
      'invalid-name',
      `${folder} is a symbolic link: make it a folder, or choose another namespace`,
    );
  }

  #folder(namespace: string): string {
    checkName('namespace', namespace);
    return join(this.#dir, namespace);
  }

  #path(namespace: string, name: string): string {
    checkName('secret', name);
    return join(this.#folder(namespace), name);
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await lstat(path).catch(absentAs(undefined));
  return found?.isDirectory() ?? false;
}

function notFound(namespace: string, name: string, cause?: unknown): SecretError {
  return new SecretError('not-found', `secret ${name} not found in namespace ${namespace}`, { cause });
}
