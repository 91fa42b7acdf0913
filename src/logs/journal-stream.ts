import { createConnection, type Socket } from 'node:net';

/** How much may wait for a slow journal, for each function. */
const maxWaitingBytes = 1024 * 1024;

export interface JournalStreamOptions {
  /** Path of journald's stream socket. */
  socketPath: string;
  /** SYSLOG_IDENTIFIER of its entries. */
  identifier: string;
  /** The connection closes by itself when nothing was sent for so long. */
  idleMs: number;
  /** Is told once that the connection is no more, with an error where it failed. */
  onEnd: (error?: Error) => void;
}

/**
 * One connection to journald's stdout socket: seven header lines, then an entry a line, its first `<N>` the priority.
 * Source: https://github.com/systemd/systemd/blob/main/src/libsystemd/sd-journal/journal-send.c (sd_journal_stream_fd)
 */
export class JournalStream {
  readonly #socket: Socket;

  constructor({ socketPath, identifier, idleMs, onEnd }: JournalStreamOptions) {
    let failure: Error | undefined;
    this.#socket = createConnection(socketPath);
    this.#socket.unref();
    this.#socket.on('error', (error) => (failure = error));
    this.#socket.on('close', () => onEnd(failure));
    // A journal that hangs has something waiting: another connection would only add to it.
    this.#socket.setTimeout(idleMs, () => (this.waitingBytes === 0 ? this.end() : this.#socket.setTimeout(idleMs)));
    // journald never sends; reading is how its end is noticed.
    this.#socket.resume();
    const [unit, priority, levelPrefix, toSyslog, toKernel, toConsole] = ['', '6', '1', '0', '0', '0'];
    this.#socket.write([identifier, unit, priority, levelPrefix, toSyslog, toKernel, toConsole, ''].join('\n'));
  }

  /** Whether it takes lines: it is connected, or on its way. */
  get isOpen(): boolean {
    return this.#socket.writable;
  }

  /** How much the journal has yet to take. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Sends lines; does nothing and answers false when too much waits already. */
  send(priority: number, lines: string[]): boolean {
    if (!this.isOpen || this.waitingBytes > maxWaitingBytes) return false;
    this.#socket.write(lines.map((line) => entryOf(priority, line)).join(''));
    return true;
  }

  /** Ends the connection after what waits was sent. */
  end(): void {
    this.#socket.end();
  }
}

function entryOf(priority: number, line: string): string {
  // NUL ends an entry as a line feed does, and what follows could then set a priority of its own.
  return `<${priority}>${line.replaceAll('\0', '\uFFFD')}\n`;
}
