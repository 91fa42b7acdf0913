import { isIPv4 } from 'node:net';
import type { Dns } from '../../../provider/index.ts';

export interface ResolvConf {
  text: string;
  nameservers: string[];
  /** True when the host names no server that functions can reach, so that they are sent to the bridge's address. */
  usesGateway: boolean;
}

/**
 * Writes the resolv.conf of functions: the host's real servers, not its stub on loopback, which nothing but the host
 * reaches. IPv6 servers go as well, since functions have IPv4 only; `search` and `options` stay. With nothing left the
 * answer is the bridge's address, where a resolver that listens on all of the host's addresses (dnsmasq, unbound)
 * answers; and not a public one, which does not know the LAN's names and would be told them.
 * @param candidates contents of resolv.conf files, first choice first
 * @param own what is set instead of the host's
 */
export function resolvConf(candidates: string[], gateway: string, own: Dns = {}): ResolvConf {
  const { servers, search } = own;
  const usable = candidates.find((text) => reachableServers(text).length > 0);
  const nameservers = servers ?? (usable === undefined ? [gateway] : reachableServers(usable));
  const keeps = search ? /^(options|sortlist)\s/ : /^(search|domain|options|sortlist)\s/;
  const kept = linesOf(usable ?? candidates[0] ?? '').filter((line) => keeps.test(line));
  const searched = search ? [`search ${search.join(' ')}`] : [];
  const lines = [...nameservers.map((server) => `nameserver ${server}`), ...searched, ...kept];
  const usesGateway = usable === undefined && servers === undefined;
  return { text: lines.map((line) => `${line}\n`).join(''), nameservers, usesGateway };
}

function reachableServers(text: string): string[] {
  const servers = linesOf(text).map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? '');
  return servers.filter((server) => isIPv4(server) && !server.startsWith('127.') && server !== '0.0.0.0');
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim());
}
