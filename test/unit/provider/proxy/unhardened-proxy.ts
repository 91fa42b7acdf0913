import { Agent } from 'node:http';
import httpProxy from 'http-proxy';
import type { Proxy, ProxyOutcome } from '../../../../src/provider/proxy/index.ts';

/** http-proxy as its README shows it, with the one thing everybody adds, an agent that keeps connections. */
export function createUnhardenedProxy(): Proxy {
  const agent = new Agent({ keepAlive: true });
  const proxy = httpProxy.createProxyServer({ agent, xfwd: true });
  return {
    web(req, res, { hostname, port, path }) {
      req.url = path;
      return new Promise<ProxyOutcome>((resolve) => {
        res.once('close', () => resolve({ status: res.statusCode }));
        proxy.web(req, res, { target: { host: hostname, port } }, (error) => resolve({ failure: 'reset', error }));
      });
    },
    upgrade(req, socket, head, { hostname, port, path }) {
      req.url = path;
      return new Promise<ProxyOutcome>((resolve) => {
        socket.once('close', () => resolve({ status: 101 }));
        proxy.ws(req, socket, head, { target: { host: hostname, port } }, (error) =>
          resolve({ failure: 'reset', error }),
        );
      });
    },
    cut: () => ({ eventStreams: 0, webSockets: 0, calls: 0 }),
    close: () => agent.destroy(),
  };
}
