import { watch, type FSWatcher } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export interface FolderWatchOptions {
  folder: string;
  /** Returns a text that is another one after each change. */
  signature: () => Promise<string>;
  /** For so long nobody may have written: who writes in pieces would be read in the middle. */
  quietMs: number;
  /** How often it looks by itself, beside the kernel's word. */
  lookMs: number;
}

/** Sees that a folder has changed, and that whoever changed it has finished. */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  #wakeUp = () => {};
  #isHurried = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
  }

  /** Ends a `changed` that waits to try again. */
  hurry(): void {
    this.#isHurried = true;
    this.#wakeUp();
  }

  /** Resolves with the signature once it stays the same; at once when the signal aborts. */
  async settled(signal: AbortSignal): Promise<string> {
    const { signature, quietMs } = this.#options;
    this.#isHurried = false;
    for (let before = await signature(); ;) {
      await sleep(quietMs, undefined, { signal, ref: false }).catch(() => {});
      const now = await signature();
      if (now === before || signal.aborted) return now;
      before = now;
    }
  }

  /**
   * Resolves when the signature is another one, after `retryMs`, at `hurry` where there is a `retryMs`, or when the signal aborts.
   * @returns whether the signature is another one
   */
  async changed(from: string, { signal, retryMs }: { signal: AbortSignal; retryMs?: number }): Promise<boolean> {
    const { signature, lookMs } = this.#options;
    for (let leftMs = retryMs ?? Infinity; !signal.aborted; leftMs -= lookMs) {
      const woken = new AbortController();
      this.#wakeUp = () => woken.abort();
      const watcher = this.#watch();
      try {
        if ((await signature()) !== from) return true;
        if (leftMs <= 0 || (retryMs !== undefined && this.#isHurried)) return false;
        const either = AbortSignal.any([signal, woken.signal]);
        await sleep(Math.min(lookMs, leftMs), undefined, { signal: either, ref: false }).catch(() => {});
      } finally {
        watcher?.close();
      }
    }
    return false;
  }

  /** Undefined where there is no folder to watch, or no watch to have: it is looked at all the same. */
  #watch(): FSWatcher | undefined {
    try {
      return watch(this.#options.folder, { persistent: false }, () => this.#wakeUp()).on('error', () => {});
    } catch {
      return undefined;
    }
  }
}
