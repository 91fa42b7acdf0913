import { RegistryError } from './registry-error.ts';
import { registryHosts } from './hosts.ts';
import { proxyFor, type ProxyEnv } from './proxy-env.ts';
import { discard, Transport } from './transport.ts';

/** What asking one host of a registry, itself or a mirror, has come to. */
export interface HostLook {
  /** Such as `https://registry-1.docker.io`. */
  origin: string;
  /** The proxy that it was asked through, without the login for it. */
  proxy?: string;
  /** Its clock, where it answered. */
  date?: Date;
  /** Why it cannot be used. */
  problem?: string;
}

export interface LookOptions {
  hostsDir?: string;
  proxyEnv: ProxyEnv;
  userAgent: string;
  signal: AbortSignal;
}

const connectTimeoutMs = 8000;

/**
 * Asks each host of a registry, as a pull would, whether it is there; no login is sent.
 * @throws RegistryError when its `hosts.toml` cannot be used
 */
export async function lookAtRegistry(registry: string, options: LookOptions): Promise<HostLook[]> {
  const { hostsDir, proxyEnv, userAgent, signal } = options;
  const hosts = await registryHosts(registry, hostsDir);
  const transport = new Transport({ proxyEnv, stallTimeoutMs: connectTimeoutMs });
  const looks = hosts.map(async ({ url, tls, headers }): Promise<HostLook> => {
    const place = { origin: url.origin, proxy: proxyFor(url, proxyEnv)?.replace(/\/\/[^/]*@/, '//') };
    const request = { method: 'GET' as const, url: new URL(`${url.href}/`), tls, connectTimeoutMs, signal };
    try {
      const { response } = await transport.send({ ...request, headers: { ...headers, 'user-agent': userAgent } });
      discard(response);
      const { statusCode = 0, headers: answered } = response;
      const date = answered.date === undefined ? undefined : new Date(answered.date);
      // One that asks for a login is well; its token server is asked at a pull.
      const isWell = statusCode < 400 || [401, 403].includes(statusCode);
      return {
        ...place,
        date,
        ...(!isWell && { problem: `${url.origin} answers ${statusCode}, as no registry does` }),
      };
    } catch (error) {
      if (error instanceof RegistryError) return { ...place, problem: error.message };
      return { ...place, problem: `${url.origin} does not answer in time` };
    }
  });
  const found = await Promise.all(looks);
  transport.close();
  return found;
}
