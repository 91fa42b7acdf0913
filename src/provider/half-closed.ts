import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { SecureServer } from './secure-server.ts';

/** When a caller that has ended its sending side is asked first whether it is there, and the longest pause between two times. */
const firstPauseMs = 500;
const longestPauseMs = 15_000;

/** How long an answer that has begun may stand still for such a caller. */
const longestSilenceMs = 10_000;

/**
 * Lets callers that end their sending side have their answers (RFC 9112 §9.6), and cuts those that have left, which looks the
 * same at first. One that has left answers whatever it is sent with a reset: the answer itself, or before it an interim reply
 * that every HTTP/1.1 client must pass over. A quiet answer cannot ask, so it is given up after a while.
 * @param responseOn gives the response that is being written to a connection.
 */
export function serveHalfClosed(server: Server, responseOn: (socket: Socket) => ServerResponse | undefined): void {
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on(server instanceof SecureServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    socket.once('end', () => {
      if (responseOn(socket)) watch(socket, responseOn);
    });
  });
}

function watch(socket: Socket, responseOn: (socket: Socket) => ServerResponse | undefined): void {
  let pauseMs = firstPauseMs;
  let written = socket.bytesWritten;
  let silentMs = 0;
  const look = () => {
    const res = responseOn(socket);
    if (!res) return;
    silentMs = res.headersSent && socket.bytesWritten === written ? silentMs + pauseMs : 0;
    if (silentMs >= longestSilenceMs) return void socket.destroy();
    if (!res.headersSent && res.req.httpVersion === '1.1') res.writeProcessing();
    written = socket.bytesWritten;
    // The second time comes soon: only then does a write meet the reset that the first one caused.
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
    timer = setTimeout(look, pauseMs);
  };
  let timer = setTimeout(look, pauseMs);
  socket.once('close', () => clearTimeout(timer));
}
