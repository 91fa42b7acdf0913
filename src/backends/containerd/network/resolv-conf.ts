import { isIPv4 } from 'node:net';

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
 */
export function resolvConf(candidates: string[], gateway: string): ResolvConf {
  const usable = candidates.find((text) => reachableServers(text).length > 0);
  const nameservers = usable === undefined ? [gateway] : reachableServers(usable);
  const kept = linesOf(usable ?? candidates[0] ?? '').filter((line) =>
    /^(search|domain|options|sortlist)\s/.test(line),
  );
  const lines = [...nameservers.map((server) => `nameserver ${server}`), ...kept];
  return { text: lines.map((line) => `${line}\n`).join(''), nameservers, usesGateway: usable === undefined };
}

function reachableServers(text: string): string[] {
  const servers = linesOf(text).map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? '');
  return servers.filter((server) => isIPv4(server) && !server.startsWith('127.') && server !== '0.0.0.0');
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim());
}
