import { Server, type ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import { rawAnswer } from '../base/plain-line.ts';
import { plainAddress } from './plain-address.ts';
import { oldestTls, type KeyPair } from './key-pair.ts';

export interface SecureOptions {
  pair: KeyPair;
  /** Addresses of this host at which plain HTTP is taken as well: nothing sent there leaves it. */
  plainOn?: readonly string[];
}

/** The first byte of a TLS connection: a record of its handshake. */
const handshakeRecord = 22;

/** How long a caller that was refused may take to read why. */
const refusedMs = 2_000;

/** How long a handshake may take where nothing else is said. */
const defaultHelloMs = 60_000;

const tls = { minVersion: oldestTls, ALPNProtocols: ['http/1.1'] } as const;

/**
 * Serves HTTP over TLS, and in plain to callers whose bytes do not leave this host, on the same port. Its `secureConnection`
 * comes for both. Others that speak plain HTTP are told so.
 */
export class SecureServer extends Server {
  readonly #plainOn: readonly string[];
  readonly #helloMs: number;
  readonly #connections = new Set<Socket>();

  /** @param helloMs how long a caller may take until it has shaken hands; 0: a minute */
  constructor({ pair, plainOn = [] }: SecureOptions, options: ServerOptions, helloMs: number) {
    const handshakeTimeout = helloMs || defaultHelloMs;
    super({ ...options, ...tls, ...pair, handshakeTimeout, noDelay: true });
    this.#plainOn = plainOn;
    this.#helloMs = handshakeTimeout;
    // Not before: who leaves within the handshake has left.
    this.prependListener('secureConnection', (socket) => (socket.allowHalfOpen = true));
    const secure = this.listeners('connection');
    this.removeAllListeners('connection');
    this.on('connection', (socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
      this.#greet(socket, () => {
        for (const listener of secure) Reflect.apply(listener, this, [socket]);
      });
    });
    // Node's own would have a broken handshake answered as a broken request, which the caller could not read.
    this.removeAllListeners('tlsClientError');
    this.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Has the key pair serve connections from now on; those that are open keep theirs. */
  use(pair: KeyPair): void {
    this.setSecureContext({ ...tls, ...pair });
  }

  /** Closes also those that have not shaken hands yet. */
  override closeAllConnections(): void {
    super.closeAllConnections();
    for (const socket of this.#connections) socket.destroy();
  }

  /** Looks at the first byte, which says what the caller speaks. */
  #greet(socket: Socket, secure: () => void): void {
    const onError = () => socket.destroy();
    const timer = setTimeout(onError, this.#helloMs);
    socket.on('error', onError);
    socket.once('close', () => clearTimeout(timer));
    socket.once('readable', () => {
      clearTimeout(timer);
      const first = socket.read() as Buffer | null;
      if (first === null) return void socket.destroy();
      socket.off('error', onError);
      socket.unshift(first);
      if (first[0] === handshakeRecord) secure();
      else if (this.#mayBePlain(socket)) this.emit('secureConnection', socket);
      else refuse(socket);
    });
  }

  #mayBePlain(socket: Socket): boolean {
    const remote = plainAddress(socket.remoteAddress);
    const local = plainAddress(socket.localAddress);
    return remote === local || remote === '::1' || remote.startsWith('127.') || this.#plainOn.includes(local);
  }
}

function refuse(socket: Socket): void {
  socket.allowHalfOpen = true;
  socket.on('error', () => socket.destroy());
  const message = 'this port speaks HTTPS: write https:// before the address';
  // What more it sends is read, as closing on unread bytes would take the answer away from it.
  socket.resume().end(rawAnswer({ status: 400, message }));
  const timer = setTimeout(() => socket.destroy(), refusedMs);
  socket.once('end', () => socket.destroySoon()).once('close', () => clearTimeout(timer));
}
