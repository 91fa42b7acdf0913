/**
 * A server on the descriptors it is given, for handed-over.test.ts: it says its own process id, how many connections each turn
 * of its event loop accepts, and drains for as long as it is told.
 */
import { subscribe } from 'node:diagnostics_channel';
import { defaultConfig, serve, type RawHandler } from '../../../src/index.ts';
import { createLog } from '../../../src/base/log.ts';
import { inheritedSockets } from '../../../src/daemon/inherited-socket.ts';
import { functionProxy } from '../../../src/provider/proxy/index.ts';

const [drainMs, functionPort] = process.argv.slice(2).map(Number);
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
const proxy = functionProxy(() => ({ hostname: '127.0.0.1', port: functionPort ?? 0, release() {} }), {
  defaultNamespace: 'openfaas-fn',
  callHeaders: () => ({ 'X-Served-By': String(process.pid) }),
});
const config = { ...defaultConfig, tcpPort: 1 };
const asyncFunction: RawHandler = {
  web: (_req, res) => void res.writeHead(202, { 'X-Served-By': String(process.pid) }).end(),
};
let accepted = 0;
subscribe('net.server.socket', () => {
  accepted += 1;
  if (accepted > 1) return;
  setImmediate(() => {
    process.stderr.write(`accepted ${accepted} in a turn\n`);
    accepted = 0;
  });
});
const server = await serve({ functionProxy: proxy, asyncFunction }, config, {
  listenFds: inheritedSockets(process.env),
  drainMs,
  signal: ending.signal,
  log: createLog({ write: (line) => process.stderr.write(line) }),
});
process.stderr.write(`serving on ${server.port}\n`);
await server.closed;
process.stderr.write(`${process.pid} is done\n`);
process.exit();
