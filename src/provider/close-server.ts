import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { Server as TcpServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { monotonicMs } from '../base/monotonic.ts';
import type { CutStreams, FaaSHandlers } from './handlers.ts';
import type { OwedAnswers } from './owed-answers.ts';
import { SecureServer } from './secure-server.ts';

/** How often connections that idle are looked for while the server closes. */
const idleLookMs = 50;
/** How long a connection may idle where its caller would find another server: nobody is cut while a request is on its way. */
const idleMs = 5000;
/** How long callers may take to hear that their streams have ended. */
const goodbyeMs = 1000;

export interface CloseServerOptions {
  handlers: FaaSHandlers;
  answering: OwedAnswers;
  /** What else accepts connections for them. */
  further?: readonly TcpServer[];
  /** How long what is in flight may take to end. */
  drainMs: number;
  /** Somebody else goes on listening, so that callers find another server at the same address. */
  isHandedOver: boolean;
  /** Called once, when no connection is accepted any more. */
  onClosing: () => void;
  /** Told of what did not end within `drainMs`. */
  onCut: (cut: CutStreams) => void;
}

/**
 * Returns what closes servers of the same handlers gracefully. Node forgets a socket that it upgraded and keeps a connection open after its last
 * answer, so both are looked after here.
 */
export function serverCloser(servers: readonly Server[], options: CloseServerOptions): () => Promise<void> {
  const { handlers, further = [], drainMs, onClosing, onCut } = options;
  const parts = servers.map((server) => ({ server, connections: new Connections(server, options.answering) }));

  return async () => {
    // What came while the process was busy is taken first, as closing would cut it off: a turn of its loop accepts, the next reads.
    for (let turns = 0; turns < 3; turns += 1) await turn();
    const closed = Promise.all([...servers, ...further].map((server) => once(server, 'close')));
    for (const listener of further) listener.close();
    const idle = parts.map(({ server, connections }) =>
      options.isHandedOver ? connections.leave() : closeNow(server),
    );
    onClosing();
    const cut = setTimeout(() => {
      onCut(handlers.functionProxy.cut?.() ?? { eventStreams: 0, webSockets: 0, calls: 0 });
      last = setTimeout(() => {
        for (const { connections } of parts) connections.destroy();
      }, goodbyeMs);
    }, drainMs);
    let last: NodeJS.Timeout | undefined;
    await closed;
    for (const timer of [...idle, cut, last]) clearTimeout(timer);
    handlers.functionProxy.close?.();
    handlers.asyncFunction?.close?.();
  };
}

/** Closes the server, and its connections as soon as they idle. */
function closeNow(server: Server): NodeJS.Timeout {
  server.close();
  return setInterval(() => server.closeIdleConnections(), idleLookMs);
}

/** The connections of a server. */
class Connections {
  readonly #server: Server;
  readonly #answering: OwedAnswers;
  readonly #upgraded = new Set<Duplex>();
  /** Those that speak HTTP, with how many bytes had come when they were last seen to do something, and when that was. */
  readonly #quiet = new Map<Socket, { bytes: number; sinceMs: number }>();

  constructor(server: Server, answering: OwedAnswers) {
    this.#server = server;
    this.#answering = answering;
    // Of TLS, what HTTP is spoken on.
    server.on(server instanceof SecureServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#quiet.set(socket, { bytes: 0, sinceMs: 0 });
      socket.once('close', () => this.#quiet.delete(socket));
    });
    server.on('upgrade', (req, socket) => {
      this.#quiet.delete(req.socket);
      this.#upgraded.add(socket);
      socket.once('close', () => this.#upgraded.delete(socket));
    });
  }

  /**
   * Accepts no further connection, and has each of those that are there leave: with its next answer, or when it has idled
   * for a while. Node's own `close` would cut one whose caller is just sending its next request.
   */
  leave(): NodeJS.Timeout {
    TcpServer.prototype.close.call(this.#server);
    this.#server.prependListener('request', (_req, res: ServerResponse) => (res.shouldKeepAlive = false));
    for (const [socket, seen] of this.#quiet) {
      seen.sinceMs = monotonicMs();
      const res = this.#answering.on(socket);
      if (res && !res.headersSent) res.shouldKeepAlive = false;
    }
    return setInterval(() => this.#closeQuiet(), idleLookMs);
  }

  #closeQuiet(): void {
    const nowMs = monotonicMs();
    for (const [socket, seen] of this.#quiet) {
      // Time 0 has one that has only now ended its handshake.
      if (this.#answering.on(socket) || socket.bytesRead !== seen.bytes || seen.sinceMs === 0)
        Object.assign(seen, { bytes: socket.bytesRead, sinceMs: nowMs });
      else if (nowMs - seen.sinceMs >= idleMs) socket.destroy();
    }
  }

  destroy(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#upgraded) socket.destroy();
  }
}
