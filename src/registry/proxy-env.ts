import { BlockList, isIP } from 'node:net';
import { isLoopback } from './reference.ts';

/** The environment variables that name proxies, in upper or lower case. */
export interface ProxyEnv {
  HTTP_PROXY?: string;
  HTTPS_PROXY?: string;
  NO_PROXY?: string;
  http_proxy?: string;
  https_proxy?: string;
  no_proxy?: string;
}

/**
 * Tells the proxy for a URL, or undefined for a direct connection. As in Go (golang.org/x/net/http/httpproxy), whose tools
 * operators wrote their NO_PROXY for: it may hold host names with their subdomains, CIDR ranges and ports, and this
 * host itself is never asked through a proxy. Node's own reading of NO_PROXY knows neither CIDR nor subdomains.
 */
export function proxyFor(url: URL, env: ProxyEnv): string | undefined {
  const proxy = url.protocol === 'https:' ? (env.HTTPS_PROXY ?? env.https_proxy) : (env.HTTP_PROXY ?? env.http_proxy);
  if (!proxy || isLoopback(url.host)) return undefined;
  const exceptions = (env.NO_PROXY ?? env.no_proxy ?? '').split(',').map((entry) => entry.trim().toLowerCase());
  if (exceptions.some((exception) => exception !== '' && excepts(exception, url))) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function excepts(exception: string, url: URL): boolean {
  if (exception === '*') return true;
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const [, host = '', port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(exception) ?? [undefined, exception];
  if (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false;
  if (isIP(hostname)) return inRange(hostname, host.replace(/^\[|\]$/g, ''));
  if (host.startsWith('.') || host.startsWith('*.')) return hostname.endsWith(host.replace(/^\*/, ''));
  return hostname === host || hostname.endsWith(`.${host}`);
}

function inRange(address: string, range: string): boolean {
  const [network = '', prefix] = range.split('/');
  const family = isIP(network);
  if (family === 0 || family !== isIP(address)) return false;
  const bits = prefix === undefined ? (family === 4 ? 32 : 128) : Number(prefix);
  if (!Number.isInteger(bits) || bits < 0 || bits > (family === 4 ? 32 : 128)) return false;
  const block = new BlockList();
  block.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return block.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
