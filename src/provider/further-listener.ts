import type { Server } from 'node:http';
import { Server as TcpServer, type Socket } from 'node:net';

/**
 * Makes what accepts connections for a server at one more socket, or at one more descriptor of the same socket. Of each, libuv
 * takes one connection a turn of the event loop (https://github.com/libuv/libuv/pull/3696). A turn takes ten milliseconds while
 * hundreds of callers are served, so that with one descriptor a hundred new ones would wait for a second.
 */
export function furtherListener(server: Server): TcpServer {
  const { allowHalfOpen } = server as Server & { allowHalfOpen: boolean };
  const further = new TcpServer({ allowHalfOpen, noDelay: true });
  return further.on('connection', (socket: Socket) => server.emit('connection', socket));
}
