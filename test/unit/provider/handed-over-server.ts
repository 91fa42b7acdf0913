/** A server on descriptor 3, for handed-over.test.ts: it says its own process id, and drains for as long as it is told. */
import { defaultConfig, serve, type RawHandler } from '../../../src/index.ts';
import { createLog } from '../../../src/base/log.ts';
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
const server = await serve({ functionProxy: proxy, asyncFunction }, config, {
  listenFd: 3,
  drainMs,
  signal: ending.signal,
  log: createLog({ write: (line) => process.stderr.write(line) }),
});
process.stderr.write(`serving on ${server.port}\n`);
await server.closed;
process.stderr.write(`${process.pid} is done\n`);
process.exit();
