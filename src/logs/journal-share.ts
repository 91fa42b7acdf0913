import { monotonicMs } from '../base/monotonic.ts';

export interface JournalShareOptions {
  /** Lines that may pass in one window; Infinity for no limit. */
  maxLines: number;
  /** Bytes that may pass in one window; the line that reaches them passes whole. */
  maxBytes: number;
  windowMs: number;
  /** Is told once for each window, at its end or at `close`, how many lines did not pass. */
  onHeldBack: (lines: number) => void;
}

/** Bounds what one function sends to the journal, so that it pushes no lines of others out of it. */
export class JournalShare {
  readonly #options: JournalShareOptions;
  #endsAtMs = -Infinity;
  #lines = 0;
  #bytes = 0;
  #heldBack = 0;
  #timer?: NodeJS.Timeout;

  constructor(options: JournalShareOptions) {
    this.#options = options;
  }

  /** Returns those of the lines that may pass: the first ones. */
  admit(lines: string[]): string[] {
    const nowMs = monotonicMs();
    if (nowMs >= this.#endsAtMs) this.#begin(nowMs);
    const passing = lines.findIndex((line) => !this.#admits(line));
    if (passing === -1) return lines;
    this.#heldBack += lines.length - passing;
    this.#timer ??= setTimeout(() => this.close(), this.#endsAtMs - nowMs).unref();
    return lines.slice(0, passing);
  }

  /** Says what was held back, now. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const lines = this.#heldBack;
    this.#heldBack = 0;
    if (lines > 0) this.#options.onHeldBack(lines);
  }

  #begin(nowMs: number): void {
    this.close();
    this.#endsAtMs = nowMs + this.#options.windowMs;
    this.#lines = 0;
    this.#bytes = 0;
  }

  #admits(line: string): boolean {
    const { maxLines, maxBytes } = this.#options;
    if (this.#lines >= maxLines || this.#bytes >= maxBytes) return false;
    this.#lines += 1;
    this.#bytes += Buffer.byteLength(line);
    return true;
  }
}
