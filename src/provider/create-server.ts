import type { Server } from 'node:http';
import type { FaaSConfig } from './faas-config.ts';
import { createHttpServer, type HttpServerOptions } from './http-server.ts';
import { followKeyPair, keyPairFiles, readKeyPair } from './key-pair.ts';
import { SecureServer } from './secure-server.ts';

export interface ServerOptions extends Omit<HttpServerOptions, 'secure'> {
  /** With TLS: addresses of this host at which plain HTTP is taken too. */
  plainOn?: string[];
}

export interface ConfiguredServer {
  server: Server;
  /** Has a key pair that was renewed serve new connections, until the signal aborts. */
  followKeyPair: (signal: AbortSignal) => void;
}

/**
 * Makes the HTTP server that a config describes, with TLS where it names a certificate.
 * @throws ConfigError when the certificate cannot serve
 */
export async function createServerFor(
  config: FaaSConfig,
  { plainOn, ...options }: ServerOptions,
): Promise<ConfiguredServer> {
  const files = keyPairFiles(config);
  const pair = files && (await readKeyPair(files));
  const server = createHttpServer(config, { ...options, secure: pair && { pair, plainOn } });
  return {
    server,
    followKeyPair(signal) {
      if (!(server instanceof SecureServer) || !files || !pair) return;
      followKeyPair({ files, pair, use: (renewed) => server.use(renewed), log: options.log, signal });
    },
  };
}
