import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import { diskFullOf } from '../../../base/disk-full.ts';
import { makeFolderDurably, removeDurably, sweepTemporaryFiles, writeDurably } from '../../../base/durable-file.ts';
import { InOrder } from '../../../base/in-order.ts';
import { describeError, type Log } from '../../../base/log.ts';
import { fullName, type FullName, type FunctionName } from '../../../provider/index.ts';
import type { AtFaultPoint } from '../fault-points.ts';
import { parseRecord, type FunctionRecord } from './record.ts';
import { WriteBehind } from './write-behind.ts';

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
  /** Durable changes that are in memory and not on disk yet. */
  readonly #unsettled = new Set<StoredFunction>();
  /** Writes changes that may be late. */
  readonly #late: WriteBehind<FullName>;

  constructor({ dir, at, log }: { dir: string; at: AtFaultPoint; log: Log }) {
    this.#dir = dir;
    this.#at = at;
    this.#log = log;
    this.#late = new WriteBehind({
      write: (key) => this.#writes.run(key, () => this.#writeLate(key)),
      onChange: (error) => this.#lateWritesChanged(error),
    });
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
   * and is on disk, safe from a power cut, when this resolves.
   * @param options.durable false where the newest outcome may be lost, as autoscaler counts may: it counts whether or not it
   *   can be written, and is written as soon as possible after this has resolved
   * @returns the record that the change gave
   * @throws Error of the file system when the outcome of a durable change cannot be written, DiskFullError on a full disk;
   *   then the record before counts again, unless it was changed once more since. What `change` throws is thrown too
   */
  async change(
    fn: FunctionName,
    change: Change,
    { durable = true }: { durable?: boolean } = {},
  ): Promise<FunctionRecord | undefined> {
    const key = fullName(fn);
    const before = this.#functions.get(key);
    const record = change(before?.record);
    if (record === before?.record) return record;
    const after = record && { function: { name: fn.name, namespace: fn.namespace }, record };
    this.#set(key, after);
    if (after && !durable) this.#late.add(key);
    else await this.#settle(fn, before, after);
    return record;
  }

  /** Writes late changes once more, as far as that is possible. */
  stop(): Promise<void> {
    return this.#late.stop();
  }

  async #settle(
    fn: FunctionName,
    before: StoredFunction | undefined,
    after: StoredFunction | undefined,
  ): Promise<void> {
    const key = fullName(fn);
    if (after) this.#unsettled.add(after);
    try {
      await this.#writes.run(key, () => (after ? this.#write(after) : this.#remove(fn)));
    } catch (error) {
      if (this.#functions.get(key) === after) this.#set(key, before);
      diskFullOf('data_dir')(error);
    } finally {
      if (after) this.#unsettled.delete(after);
    }
    if (after) this.#unreadable.delete(key);
  }

  async #writeLate(key: FullName): Promise<void> {
    const stored = this.#functions.get(key);
    if (!stored) return;
    // A durable change waits behind this: it writes all when it can, and until then its outcome is not to be on disk.
    if (this.#unsettled.has(stored)) this.#late.add(key);
    else await this.#write(stored);
  }

  #lateWritesChanged(error: unknown): void {
    if (error === undefined) return this.#log.info('replica counts and who sleeps are written again');
    const problem = 'replica counts and who sleeps cannot be written: they count until berth ends, will try again';
    this.#log.warn(problem, { dir: this.#dir, error: describeError(error) });
  }

  #set(key: FullName, stored: StoredFunction | undefined): void {
    if (stored) this.#functions.set(key, stored);
    else this.#functions.delete(key);
  }

  async #write({ function: fn, record }: StoredFunction): Promise<void> {
    this.#at('record.write');
    await makeFolderDurably(path.dirname(this.#file(fn)));
    await writeDurably(this.#file(fn), `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
    this.#at('record.written');
  }

  async #remove(fn: FunctionName): Promise<void> {
    this.#at('record.delete');
    // Somebody may have deleted it by hand.
    await removeDurably(this.#file(fn)).catch(absentAs(undefined));
    this.#at('record.deleted');
  }

  #file({ name, namespace }: FunctionName): string {
    return path.join(this.#dir, namespace, `${name}.json`);
  }
}
