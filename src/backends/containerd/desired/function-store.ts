import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { makeFolderDurably, removeDurably, sweepTemporaryFiles, writeDurably } from '../../../base/durable-file.ts';
import { InOrder } from '../../../base/in-order.ts';
import { describeError, type Log } from '../../../base/log.ts';
import { fullName, type FullName, type FunctionName } from '../../../provider/index.ts';
import type { AtFaultPoint } from '../fault-points.ts';
import { parseRecord, type FunctionRecord } from './record.ts';

/** A function and what is wanted of it. */
export interface StoredFunction {
  function: FunctionName;
  record: FunctionRecord;
}

/**
 * Gives the record that takes the place of the present one; undefined stands for no record. It runs in one turn with the
 * reading, and returns what it was given to change nothing.
 */
type Change = (record: FunctionRecord | undefined) => FunctionRecord | undefined;

/** The desired state of all functions: one file each at `<dir>/<namespace>/<name>.json`, and their contents in memory. */
export class FunctionStore {
  readonly #dir: string;
  readonly #at: AtFaultPoint;
  readonly #log: Log;
  readonly #functions = new Map<FullName, StoredFunction>();
  readonly #unreadable = new Set<FullName>();
  /** Writes of one function's file run in the order of the changes. */
  readonly #writes = new InOrder<FullName>();

  constructor({ dir, at, log }: { dir: string; at: AtFaultPoint; log: Log }) {
    this.#dir = dir;
    this.#at = at;
    this.#log = log;
  }

  /** Reads all files; one that cannot be read is named in the log and left as it is. */
  async load(): Promise<void> {
    await makeFolderDurably(this.#dir);
    const entries = await readdir(this.#dir, { withFileTypes: true });
    for (const { name: namespace } of entries.filter((entry) => entry.isDirectory())) {
      await sweepTemporaryFiles(path.join(this.#dir, namespace));
      for (const file of await readdir(path.join(this.#dir, namespace))) {
        if (file.endsWith('.json')) await this.#read({ name: file.slice(0, -'.json'.length), namespace });
      }
    }
  }

  async #read(fn: FunctionName): Promise<void> {
    const file = this.#file(fn);
    try {
      this.#functions.set(fullName(fn), { function: fn, record: parseRecord(await readFile(file, 'utf8')) });
    } catch (error) {
      // Its replicas are left as they are: a file we cannot read says nothing about what the user wants.
      this.#unreadable.add(fullName(fn));
      this.#log.error(`cannot read ${file}: restore it or delete it, then restart berth`, {
        error: describeError(error),
      });
    }
  }

  get(fn: FunctionName): FunctionRecord | undefined {
    return this.#functions.get(fullName(fn))?.record;
  }

  has(fn: FunctionName): boolean {
    return this.#functions.has(fullName(fn));
  }

  /** Says whether the function has a file that could not be read. */
  isUnreadable(fn: FunctionName): boolean {
    return this.#unreadable.has(fullName(fn));
  }

  /** Says whether a function of the namespace has a file that could not be read. */
  hasUnreadable(namespace: string): boolean {
    return [...this.#unreadable].some((key) => key.endsWith(`.${namespace}`));
  }

  all(): StoredFunction[] {
    return [...this.#functions.values()];
  }

  inNamespace(namespace: string): StoredFunction[] {
    return this.all().filter((stored) => stored.function.namespace === namespace);
  }

  /**
   * Changes what is wanted of a function, and is the only way to: create, change and delete. The outcome counts at once,
   * and is on disk when this resolves: it would then survive a power cut, unless `fsync` is false as for autoscaler counts.
   * @returns the record that the change gave
   * @throws Error of the file system when the outcome cannot be written; then the record before counts again, unless
   *   it was changed once more since. What `change` throws is thrown too
   */
  async change(
    fn: FunctionName,
    change: Change,
    options: { fsync?: boolean } = {},
  ): Promise<FunctionRecord | undefined> {
    const key = fullName(fn);
    const before = this.#functions.get(key);
    const record = change(before?.record);
    if (record === before?.record) return record;
    const after = record && { function: { name: fn.name, namespace: fn.namespace }, record };
    this.#set(key, after);
    try {
      await this.#writes.run(key, () => (record ? this.#write(fn, record, options) : this.#remove(fn)));
    } catch (error) {
      if (this.#functions.get(key) === after) this.#set(key, before);
      throw error;
    }
    if (record) this.#unreadable.delete(key);
    return record;
  }

  #set(key: FullName, stored: StoredFunction | undefined): void {
    if (stored) this.#functions.set(key, stored);
    else this.#functions.delete(key);
  }

  async #write(fn: FunctionName, record: FunctionRecord, options: { fsync?: boolean }): Promise<void> {
    this.#at('record.write');
    await makeFolderDurably(path.dirname(this.#file(fn)));
    await writeDurably(this.#file(fn), `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600, ...options });
    this.#at('record.written');
  }

  async #remove(fn: FunctionName): Promise<void> {
    this.#at('record.delete');
    await removeDurably(this.#file(fn));
    this.#at('record.deleted');
  }

  #file({ name, namespace }: FunctionName): string {
    return path.join(this.#dir, namespace, `${name}.json`);
  }
}
