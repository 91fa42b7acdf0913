import { diskOf } from '../../base/disk-full.ts';
import { monotonicMs } from '../../base/monotonic.ts';

const recentMs = 1000;

/** Watches what is free on the disk of a folder, for those who ask often. */
export class DiskRoom {
  readonly #folder: string;
  readonly #leastBytes: number;
  #askedMs = -Infinity;
  #isShort: Promise<boolean> = Promise.resolve(false);

  constructor(folder: string, leastBytes: number) {
    this.#folder = folder;
    this.#leastBytes = leastBytes;
  }

  /** Says whether less was free within the last second than there must be. */
  async isShort(): Promise<boolean> {
    const nowMs = monotonicMs();
    if (nowMs - this.#askedMs > recentMs) {
      this.#askedMs = nowMs;
      this.#isShort = diskOf(this.#folder).then(({ bfree, bsize }) => bfree * bsize < this.#leastBytes);
    }
    return this.#isShort;
  }
}
