import { readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { absentAs } from '../../base/absent-file.ts';
import type { Log } from '../../base/log.ts';
import { fullName, isLabel, type FunctionName } from '../../provider/index.ts';
import type { HistoryRing } from './history-ring.ts';
import { readRing, writeRing, writeStep } from './ring-file.ts';

/** The files of functions' histories, NAMESPACE/NAME each. What fails is told once, and again when it has gone well between. */
export class HistoryFolder {
  readonly #dir: string;
  readonly #log: Log;
  #isFailing = false;

  constructor(dir: string, log: Log) {
    this.#dir = dir;
    this.#log = log;
  }

  /** Reads what an earlier process kept; undefined where there is nothing that can be read. */
  async read(fn: FunctionName, ring: HistoryRing): Promise<Uint8Array | undefined> {
    return this.#trying('cannot read what functions were like: their graphs begin now', () =>
      readRing(this.#pathOf(fn), ring),
    );
  }

  /**
   * Writes a step, or all of them.
   * @returns whether it is on disk
   */
  async write(fn: FunctionName, ring: HistoryRing, step: number | 'all'): Promise<boolean> {
    const target = this.#pathOf(fn);
    const write = () => (step === 'all' ? writeRing(target, ring) : writeStep(target, ring, step));
    const problem = 'cannot write what functions were like: a restart would lose it';
    const isWritten = (await this.#trying(problem, async () => (await write(), true))) ?? false;
    if (isWritten && this.#isFailing) this.#log.info('what functions were like can be written again');
    if (isWritten) this.#isFailing = false;
    return isWritten;
  }

  /** Removes the files of functions that are not in `existing`, and folders that have none. */
  async keepOnly(existing: ReadonlySet<string>): Promise<void> {
    await this.#trying('cannot remove what functions were like that are gone', async () => {
      for (const namespace of (await readdir(this.#dir).catch(absentAs([]))).filter(isLabel))
        await this.#keepOnlyIn(namespace, existing);
    });
  }

  async #keepOnlyIn(namespace: string, existing: ReadonlySet<string>): Promise<void> {
    const folder = path.join(this.#dir, namespace);
    const entries = await readdir(folder, { withFileTypes: true });
    const isGone = (name: string) => !isLabel(name) || !existing.has(fullName({ name, namespace }));
    const gone = entries.filter((entry) => !entry.isDirectory() && isGone(entry.name));
    for (const { name } of gone) await rm(path.join(folder, name), { force: true });
    if (gone.length === entries.length) await rmdir(folder);
  }

  async #trying<T>(problem: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!this.#isFailing) this.#log.warn(problem, { path: this.#dir, error });
      this.#isFailing = true;
      return undefined;
    }
  }

  #pathOf({ name, namespace }: FunctionName): string {
    return path.join(this.#dir, namespace, name);
  }
}
