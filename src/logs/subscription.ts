import type { LogLine } from './log-line.ts';

/** Rough cost of a line in memory, besides its text. */
const lineOverheadBytes = 200;

export interface SubscriptionOptions {
  /** Only this replica's lines. */
  instance?: string;
  /** How many bytes may wait for a slow reader, 1 MiB unless set; beyond it the oldest lines give way to a line that counts them. */
  maxBytes?: number;
}

/** Holds the lines that one reader has yet to take. Whoever adds lines never waits for the reader. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  #lines: LogLine[] = [];
  #bytes = 0;
  #dropped = 0;
  #closed = false;
  #changed = Promise.withResolvers<void>();

  constructor(options: SubscriptionOptions = {}) {
    this.#options = options;
  }

  /** Adds lines for the reader to take. */
  push(lines: LogLine[]): void {
    const { instance } = this.#options;
    for (const line of lines) {
      if (instance !== undefined && line.instance !== instance) continue;
      this.#lines.push(line);
      this.#bytes += costOf(line);
    }
    this.#dropOldest();
    this.#changed.resolve();
  }

  /** Takes no more lines: the reader gets what waits, then the end. */
  close(): void {
    this.#closed = true;
    this.#changed.resolve();
  }

  /** Reads lines as they come, until the subscription is closed. */
  async *read(): AsyncGenerator<LogLine> {
    for (;;) {
      yield* this.#take();
      if (this.#lines.length > 0) continue;
      if (this.#closed) return;
      await this.#changed.promise;
      this.#changed = Promise.withResolvers<void>();
    }
  }

  *#take(): Generator<LogLine> {
    const lines = this.#lines;
    const dropped = this.#dropped;
    this.#lines = [];
    this.#bytes = 0;
    this.#dropped = 0;
    if (dropped > 0 && lines[0])
      yield { ...lines[0], text: `berth: ${dropped} lines left out here, the reader is too slow` };
    yield* lines;
  }

  #dropOldest(): void {
    const { maxBytes = 1024 * 1024 } = this.#options;
    let count = 0;
    for (; this.#bytes > maxBytes; count++) {
      const oldest = this.#lines[count];
      if (!oldest) break;
      this.#bytes -= costOf(oldest);
    }
    this.#lines.splice(0, count);
    this.#dropped += count;
  }
}

function costOf(line: LogLine): number {
  return line.text.length + lineOverheadBytes;
}
