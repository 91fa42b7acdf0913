import type { Log } from '../../../base/log.ts';
import { monotonicMs } from '../../../base/monotonic.ts';
import type { PullProgress } from '../../../provider/index.ts';

const reportEveryMs = 5_000;

/** Counts what a pull has downloaded, and logs it while a long pull goes on. */
export class PullMeter implements Disposable {
  readonly #of: Pick<PullProgress, 'image' | 'namespace'>;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAtMs = monotonicMs();
  #downloadedBytes = 0;
  /** What is there of the layers. */
  #bytes = 0;
  #totalBytes = 0;

  readonly #onEnd: () => void;

  /** @param onEnd is called as the pull ends, well or not */
  constructor(log: Log, of: Pick<PullProgress, 'image' | 'namespace'>, onEnd = () => {}) {
    this.#of = of;
    this.#onEnd = onEnd;
    this.#timer = setInterval(() => log.info('pulling image', { ...this.progress }), reportEveryMs).unref();
  }

  /** Says how many bytes the missing layers have, after all that tells of them was read. */
  expect(totalBytes: number): void {
    this.#totalBytes = totalBytes;
    this.#bytes = 0;
  }

  add(bytes: number): void {
    this.#downloadedBytes += bytes;
    this.#bytes += bytes;
  }

  /** Bytes need no download: an earlier pull has left them, or another one brings them. */
  found(bytes: number): void {
    this.#bytes += bytes;
  }

  get progress(): PullProgress {
    const totalBytes = this.#totalBytes;
    // What turned out to be bad is downloaded once more.
    return { ...this.#of, bytes: totalBytes > 0 ? Math.min(this.#bytes, totalBytes) : this.#bytes, totalBytes };
  }

  get downloadedBytes(): number {
    return this.#downloadedBytes;
  }

  get elapsedMs(): number {
    return Math.round(monotonicMs() - this.#startedAtMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#onEnd();
  }
}
