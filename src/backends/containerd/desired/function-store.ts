import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fullName, type FullName, type FunctionName } from '../../../provider/index.ts';
import { makeFolderDurably, removeDurably, sweepTemporaryFiles, writeDurably } from '../../../base/durable-file.ts';
import { describeError, type Log } from '../../../base/log.ts';
import type { AtFaultPoint } from '../fault-points.ts';
import { parseRecord, type FunctionRecord } from './record.ts';

export interface StoredFunction {
  function: FunctionName;
  record: FunctionRecord;
}

/** The desired state of all functions: one file each at `<dir>/<namespace>/<name>.json`, and their contents in memory. */
export class FunctionStore {
  readonly #dir: string;
  readonly #at: AtFaultPoint;
  readonly #log: Log;
  readonly #functions = new Map<FullName, StoredFunction>();
  readonly #unreadable = new Set<FullName>();
  readonly #writes = new Map<FullName, Promise<void>>();

  constructor({ dir, at, log }: { dir: string; at: AtFaultPoint; log: Log }) {
    this.#dir = dir;
    this.#at = at;
    this.#log = log;
  }

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

  isUnreadable(fn: FunctionName): boolean {
    return this.#unreadable.has(fullName(fn));
  }

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
   * The record counts at once, so that nobody changes an older one, and is on disk when this resolves: it would then
   * survive a power cut, unless `fsync` is false as for autoscaler counts. Throws when it cannot be written; then the one
   * before counts again.
   */
  async put(fn: FunctionName, record: FunctionRecord, options: { fsync?: boolean } = {}): Promise<void> {
    const before = this.#functions.get(fullName(fn));
    const stored = { function: { name: fn.name, namespace: fn.namespace }, record };
    this.#functions.set(fullName(fn), stored);
    await this.#inTurn(fn, () => this.#write(fn, record, options)).catch((error: unknown) => {
      if (this.#functions.get(fullName(fn)) === stored) this.#restore(fn, before);
      throw error;
    });
    this.#unreadable.delete(fullName(fn));
  }

  async delete(fn: FunctionName): Promise<void> {
    const before = this.#functions.get(fullName(fn));
    this.#functions.delete(fullName(fn));
    await this.#inTurn(fn, () => this.#remove(fn)).catch((error: unknown) => {
      if (!this.has(fn)) this.#restore(fn, before);
      throw error;
    });
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

  #restore(fn: FunctionName, before: StoredFunction | undefined): void {
    if (before) this.#functions.set(fullName(fn), before);
    else this.#functions.delete(fullName(fn));
  }

  /** Writes of one function's file one after another, in the order of the changes. */
  async #inTurn(fn: FunctionName, write: () => Promise<void>): Promise<void> {
    const key = fullName(fn);
    const turn = (this.#writes.get(key) ?? Promise.resolve()).catch(() => {}).then(write);
    this.#writes.set(key, turn);
    try {
      await turn;
    } finally {
      if (this.#writes.get(key) === turn) this.#writes.delete(key);
    }
  }

  #file({ name, namespace }: FunctionName): string {
    return path.join(this.#dir, namespace, `${name}.json`);
  }
}
