export interface HostsFileOptions {
  hostname: string;
  /** The replica's own address. */
  ip: string;
  /** The bridge's address, where the gateway listens. */
  gateway: string;
}

/**
 * Writes the /etc/hosts of a function: itself, and the gateway under the names that OpenFaaS's documentation uses; the C
 * libraries take a name with its last dot for another one.
 */
export function hostsFile({ hostname, ip, gateway }: HostsFileOptions): string {
  return `127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
${ip} ${hostname}
${gateway} gateway gateway.openfaas gateway.openfaas.svc.cluster.local gateway.openfaas.svc.cluster.local. host.internal
`;
}
