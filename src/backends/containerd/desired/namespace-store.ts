import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { absentAs } from '../../../base/absent-file.ts';
import type { Namespace } from '../../../provider/index.ts';
import { diskFullOf } from '../../../base/disk-full.ts';
import { makeFolderDurably, removeDurably, writeDurably } from '../../../base/durable-file.ts';
import { firstIssue } from '../../../base/first-issue.ts';
import { newerSchema } from '../../../base/newer-schema.ts';
import { describeError, type Log } from '../../../base/log.ts';
import { readPlainFile } from '../../../base/read-plain-file.ts';

const stored = z.object({
  schema: z.literal(1),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
});

/** The namespaces that the user made: one file each at `<dir>/<namespace>.json`. */
export class NamespaceStore {
  readonly #dir: string;
  readonly #log: Log;
  /** What the log names as unreadable. */
  readonly #said = new Set<string>();

  constructor({ dir, log }: { dir: string; log: Log }) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Reads all files; one that cannot be read is named in the log and left out. */
  async all(): Promise<Namespace[]> {
    await makeFolderDurably(this.#dir);
    const files = (await readdir(this.#dir)).filter((file) => file.endsWith('.json'));
    const read = await Promise.all(files.map((file) => this.#read(file.slice(0, -'.json'.length))));
    return read.filter((namespace) => namespace !== undefined);
  }

  async #read(name: string): Promise<Namespace | undefined> {
    const file = this.#file(name);
    try {
      const { labels, annotations } = parseStoredNamespace(await readPlainFile(file));
      this.#said.delete(file);
      return { name, labels, annotations };
    } catch (error) {
      // The namespace stays in containerd as it is; the others are not to suffer.
      const problem = `cannot read ${file}: restore it or delete it`;
      if (!this.#said.has(file)) this.#log.error(problem, { error: describeError(error) });
      this.#said.add(file);
      return undefined;
    }
  }

  async put({ name, labels, annotations }: Namespace): Promise<void> {
    await makeFolderDurably(this.#dir);
    const file = this.#file(name);
    // It may be of a newer berth, or worth mending.
    if (this.#said.delete(file)) await rename(file, `${file}.unreadable`).catch(absentAs(undefined));
    const text = JSON.stringify({ schema: 1, labels, annotations }, undefined, 2);
    await writeDurably(file, `${text}\n`, { mode: 0o600 }).catch(diskFullOf('data_dir'));
  }

  /** Removes a namespace's file; there need not be one, as for a namespace that was made by containerd's tools. */
  async delete(name: string): Promise<void> {
    await removeDurably(this.#file(name)).catch(absentAs(undefined));
  }

  #file(name: string): string {
    return path.join(this.#dir, `${name}.json`);
  }
}

/**
 * Reads a namespace's file.
 * @throws Error when the text is none of this schema
 */
export function parseStoredNamespace(text: string): Omit<Namespace, 'name'> {
  const value: unknown = JSON.parse(text);
  const parsed = stored.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(newerSchema(value) ?? firstIssue(parsed.error, 'it'));
}
