import type { Log } from '../base/log.ts';
import { monotonicMs } from '../base/monotonic.ts';
import { JournalShare } from './journal-share.ts';
import { JournalStream } from './journal-stream.ts';

const retryMs = 5_000;
const defaultIdleMs = 30_000;
const windowMs = 30_000;
/** How much may wait for a slow journal of all functions together; below `fewBytes` each one's counts for nothing. */
const maxWaitingBytes = 16 * 1024 * 1024;
const fewBytes = 64 * 1024;
/** 4 MiB for 10 000 lines. */
const bytesALine = (4 * 1024 * 1024) / 10_000;
const warning = 4;

export interface JournalOptions {
  /** Path of journald's stream socket. */
  socketPath: string;
  /** Lines that one identifier may send in 30 s, of 420 bytes on average; 10 000 unless set, 0 for no limit. */
  maxLines?: number;
  /** When a connection that nothing was sent over closes, 30 s unless set. */
  idleMs?: number;
  log: Log;
}

/**
 * Forwards lines to journald, a connection for each identifier that has something to say. Never waits: what journald does
 * not take is left out there and counted, as is what is more than an identifier's share; the history has it. Without a journal
 * it looks for one again every 5 s.
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #streams = new Map<string, JournalStream>();
  readonly #dropped = new Map<string, number>();
  readonly #shares = new Map<string, JournalShare>();
  #retryAt = 0;
  #isReported = false;

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  /** Forwards lines under an identifier, at a syslog priority; see sd-daemon(3). */
  send(identifier: string, priority: number, lines: string[]): void {
    const passing = this.#shareOf(identifier).admit(lines);
    if (passing.length > 0) this.#pass(identifier, priority, passing);
  }

  #pass(identifier: string, priority: number, lines: string[]): void {
    const open = this.#streams.get(identifier);
    const stream = open?.isOpen ? open : this.#connect(identifier);
    const dropped = this.#dropped.get(identifier) ?? 0;
    const notice = dropped > 0 ? [`berth: ${dropped} lines left out here, the journal did not take them`] : [];
    if (stream && this.#hasRoom(stream) && stream.send(priority, [...notice, ...lines]))
      this.#dropped.delete(identifier);
    else this.#dropped.set(identifier, dropped + lines.length);
  }

  /** Looks at the others only where the journal is slow. */
  #hasRoom({ waitingBytes }: JournalStream): boolean {
    if (waitingBytes <= fewBytes) return true;
    const waiting = [...this.#streams.values()].map((stream) => stream.waitingBytes);
    return waiting.reduce((sum, bytes) => sum + bytes, 0) <= maxWaitingBytes;
  }

  /** Drops what is known of an identifier: nobody writes under it any more. */
  forget(identifier: string): void {
    this.#shares.get(identifier)?.close();
    this.#shares.delete(identifier);
    this.#dropped.delete(identifier);
  }

  /** Ends all connections, after what waits was sent. */
  close(): void {
    for (const share of this.#shares.values()) share.close();
    for (const stream of this.#streams.values()) stream.end();
  }

  #shareOf(identifier: string): JournalShare {
    const known = this.#shares.get(identifier);
    if (known) return known;
    const maxLines = this.#options.maxLines ?? 10_000;
    const share = new JournalShare({
      maxLines: maxLines || Infinity,
      maxBytes: Math.ceil(maxLines * bytesALine) || Infinity,
      windowMs,
      onHeldBack: (count) =>
        this.#pass(identifier, warning, [
          `berth: ${count} lines not sent to the journal: more than its share in 30 s, berth's own log of the function has them`,
        ]),
    });
    this.#shares.set(identifier, share);
    return share;
  }

  #connect(identifier: string): JournalStream | undefined {
    if (monotonicMs() < this.#retryAt) return undefined;
    const onEnd = (error?: Error) => {
      if (this.#streams.get(identifier) === stream) this.#streams.delete(identifier);
      if (error) this.#failed(error);
      else this.#isReported = false;
    };
    const { socketPath, idleMs = defaultIdleMs } = this.#options;
    const stream = new JournalStream({ socketPath, identifier, idleMs, onEnd });
    this.#streams.set(identifier, stream);
    return stream;
  }

  #failed(error: Error): void {
    this.#retryAt = monotonicMs() + retryMs;
    if (this.#isReported) return;
    this.#isReported = true;
    const { socketPath: socket, log } = this.#options;
    log.info('no journal: function logs are kept by berth alone', { socket, error });
  }
}
