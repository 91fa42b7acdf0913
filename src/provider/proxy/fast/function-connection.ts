import { FunctionSocket, type FunctionAddress } from '../function-socket.ts';

/** Whoever uses a connection now. */
export interface ConnectionUser {
  onConnected(): void;
  onDrain(): void;
  /** `bytes` are overwritten by what is read next. */
  onRead(bytes: Buffer): void;
  /** The function has ended its sending side. */
  onEof(): void;
  onClosed(error: Error): void;
}

/** What every read of every connection goes into: it is emptied before the next begins. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Names an address, for those that keep connections by it. */
export function keyOf({ hostname, port }: FunctionAddress): string {
  return `${hostname} ${port}`;
}

/** A connection to a function, used by one call after the other. */
export class FunctionConnection {
  /** Names its function's address. */
  readonly key: string;
  readonly socket: FunctionSocket;
  /** When the pool gives it up. */
  idleUntilMs = 0;
  #user?: ConnectionUser;

  /**
   * Begins to connect.
   * @param onIdleClosed told when the connection closes while nobody uses it.
   */
  constructor(
    address: FunctionAddress,
    connectTimeoutMs: number,
    onIdleClosed: (connection: FunctionConnection) => void,
  ) {
    this.key = keyOf(address);
    const onread = {
      buffer: readBuffer,
      callback: (length: number) => this.#onRead(length),
    };
    let failure = new Error('the connection closed');
    this.socket = new FunctionSocket(address, connectTimeoutMs, { onread })
      .once('connect', () => this.#user?.onConnected())
      .on('drain', () => this.#user?.onDrain())
      .once('end', () => this.#user?.onEof())
      .on('error', (error) => (failure = error))
      .once('close', () => {
        if (this.#user) this.#user.onClosed(failure);
        else onIdleClosed(this);
      });
  }

  /** False once it cannot take a request any more. */
  get isUsable(): boolean {
    return this.socket.writable && !this.socket.readableEnded;
  }

  /** Says who uses it from now on; while nobody does, it does not keep the process alive. */
  use(user: ConnectionUser | undefined): void {
    this.#user = user;
    if (user) this.socket.ref();
    else this.socket.unref();
  }

  #onRead(length: number): boolean {
    // What nobody asked for cannot be an answer.
    if (this.#user) this.#user.onRead(readBuffer.subarray(0, length));
    else this.socket.destroy();
    return true;
  }
}
