import type { Log } from '../../../base/log.ts';
import { monotonicMs } from '../../../base/monotonic.ts';

const reportEveryMs = 5_000;

/** Counts what a pull has downloaded, and logs it while a long pull goes on. */
export class PullProgress implements Disposable {
  readonly #timer: NodeJS.Timeout;
  readonly #startedAtMs = monotonicMs();
  #bytes = 0;
  #totalBytes = 0;

  constructor(log: Log, fields: { image: string; namespace: string }) {
    this.#timer = setInterval(() => {
      log.info('pulling image', { ...fields, bytes: this.#bytes, totalBytes: this.#totalBytes });
    }, reportEveryMs).unref();
  }

  /** Says how many bytes the missing layers have. */
  expect(totalBytes: number): void {
    this.#totalBytes = totalBytes;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  get downloadedBytes(): number {
    return this.#bytes;
  }

  get elapsedMs(): number {
    return Math.round(monotonicMs() - this.#startedAtMs);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
