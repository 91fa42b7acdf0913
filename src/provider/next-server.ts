import type { AddressInfo } from 'node:net';
import { answerPlain } from '../base/plain-line.ts';
import type { RawHandler } from './handlers.ts';
import type { Proxy } from './proxy/index.ts';

/** Returns how this host reaches what listens at an address, be it any. */
export function reachable({ address, port }: Pick<AddressInfo, 'address' | 'port'>): {
  hostname: string;
  port: number;
} {
  const any: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { hostname: any[address] ?? address, port };
}

/** Makes the handler that gives requests to the server which goes on at the same address. */
export function toNextServer(proxy: Proxy, at: { hostname: string; port: number }): RawHandler {
  return {
    forwardsExpect: true,
    async web(req, res) {
      const { failure } = await proxy.web(req, res, { ...at, path: req.url ?? '/' });
      if (!failure || failure === 'aborted' || res.headersSent) return;
      answerPlain(req, res, {
        status: 503,
        message: 'berth is being restarted: try again',
        headers: { 'Retry-After': '1' },
      });
    },
  };
}
