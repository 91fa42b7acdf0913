import type { Log } from '../../../base/log.ts';

const reportEveryMs = 5_000;

/** Tells the journal how far a long pull is. */
export class PullProgress implements Disposable {
  readonly #timer: NodeJS.Timeout;
  readonly #startedAtMs = Date.now();
  #bytes = 0;
  #totalBytes = 0;

  constructor(log: Log, fields: { image: string; namespace: string }) {
    this.#timer = setInterval(() => {
      log.info('pulling image', { ...fields, bytes: this.#bytes, totalBytes: this.#totalBytes });
    }, reportEveryMs).unref();
  }

  /** Of the layers that are missing. */
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
    return Date.now() - this.#startedAtMs;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
