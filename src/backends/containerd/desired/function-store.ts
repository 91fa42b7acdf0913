import { readdir, rename } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from '../../../base/absent-file.ts';
import { diskFullOf } from '../../../base/disk-full.ts';
import { makeFolderDurably, removeDurably, sweepTemporaryFiles, writeDurably } from '../../../base/durable-file.ts';
import { InOrder } from '../../../base/in-order.ts';
import { describeError, type Log } from '../../../base/log.ts';
import { readPlainFile } from '../../../base/read-plain-file.ts';
import { tryEach } from '../../../base/try-each.ts';
import { fullName, isLabel, ProviderError, type FullName, type FunctionName } from '../../../provider/index.ts';
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
  readonly #unreadable = new Map<FullName, FunctionName>();
  /** Namespaces whose files could not be listed. */
  readonly #unlisted = new Set<string>();
  /** What the log names as unreadable. */
  readonly #said = new Set<string>();
  #isListed = false;
  #isClosed = false;
  #isStopped = false;
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

  /**
   * Reads all files; run again, those that could not be read before. Nothing can be changed while they cannot be listed.
   * @throws Error that names what cannot be read, once all else is
   */
  async load(): Promise<void> {
    await this.#list();
    const files = [...this.#unreadable.values()].map((fn) => () => this.#read(fn));
    const namespaces = [...this.#unlisted].map((namespace) => () => this.#readNamespace(namespace));
    await tryEach([...files, ...namespaces], (read) => read());
  }

  async #list(): Promise<void> {
    if (this.#isListed) return;
    this.#isClosed = true;
    await makeFolderDurably(this.#dir);
    for (const name of (await readdir(this.#dir)).filter(isLabel)) {
      this.#unlisted.add(name);
      // What is left of a write is in nobody's way.
      await sweepTemporaryFiles(path.join(this.#dir, name)).catch(() => {});
    }
    this.#isListed = true;
    this.#isClosed = false;
  }

  async #readNamespace(namespace: string): Promise<void> {
    const folder = path.join(this.#dir, namespace);
    const files = await readdir(folder).catch((error: unknown) => this.#cannotRead(folder, error));
    const names = files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
    await tryEach(names, (name) => this.#read({ name, namespace })).finally(() => this.#unlisted.delete(namespace));
  }

  async #read(fn: FunctionName): Promise<void> {
    const [key, file] = [fullName(fn), this.#file(fn)];
    if (!isLabel(fn.name)) return this.#log.warn(`passing over ${file}: no function has such a name`);
    await this.#writes.run(key, async () => {
      if (this.#functions.has(key)) return;
      try {
        this.#functions.set(key, { function: fn, record: parseRecord(await readPlainFile(file)) });
        this.#unreadable.delete(key);
      } catch (error) {
        this.#unreadable.set(key, fn);
        this.#cannotRead(file, error);
      }
    });
  }

  /** Says it once of each file. Replicas are left as they are: what we cannot read says nothing about what the user wants. */
  #cannotRead(what: string, cause: unknown): never {
    const problem = `cannot read ${what}`;
    const error = describeError(cause);
    if (!this.#said.has(what)) this.#log.error(`${problem}: restore it, or delete it and restart berth`, { error });
    this.#said.add(what);
    throw new Error(problem, { cause });
  }

  /** Whether the files cannot be listed, so that of no function it is known what is wanted. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  get(fn: FunctionName): FunctionRecord | undefined {
    return this.#functions.get(fullName(fn))?.record;
  }

  has(fn: FunctionName): boolean {
    return this.#functions.has(fullName(fn));
  }

  /** Says whether the function has a file that could not be read, or may have one. */
  isUnreadable(fn: FunctionName): boolean {
    return this.#isClosed || this.#unlisted.has(fn.namespace) || this.#unreadable.has(fullName(fn));
  }

  /** Says whether a function of the namespace has a file that could not be read, or may have one. */
  hasUnreadable(namespace: string): boolean {
    if (this.#isClosed || this.#unlisted.has(namespace)) return true;
    return [...this.#unreadable.values()].some((fn) => fn.namespace === namespace);
  }

  all(): StoredFunction[] {
    return [...this.#functions.values()];
  }

  inNamespace(namespace: string): StoredFunction[] {
    const found: StoredFunction[] = [];
    for (const stored of this.#functions.values()) if (stored.function.namespace === namespace) found.push(stored);
    return found;
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
    if (this.#isStopped)
      throw new ProviderError(503, 'berth is being restarted: try again', { headers: { 'Retry-After': '1' } });
    if (this.#isClosed) throw new ProviderError(503, "what is stored of functions cannot be read: see berth's log");
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

  /** Takes no further change, and resolves when those before are written, late ones as far as that is possible. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#late.stop();
    await this.#writes.idle();
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
    // It may be of a newer berth, or worth mending.
    if (this.#unreadable.has(fullName(fn)))
      await rename(this.#file(fn), `${this.#file(fn)}.unreadable`).catch(absentAs(undefined));
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
