import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import {
  type CredentialStore,
  type RegistryCredentials,
  type Descriptor,
  parseReference,
  RegistryClient,
  type RegistryClientOptions,
} from '../../../src/registry/index.ts';
import { silentLog } from '../../../src/base/log.ts';

export interface TestServer {
  /** `127.0.0.1:PORT` */
  host: string;
  port: number;
  requests: http.IncomingMessage[];
  /** `GET /v2/…`, in order. */
  lines(): string[];
}

export type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** A real HTTP server for one test, taken down at its end. */
export async function serve(t: ExecutionContext, handler: Handler, tls?: https.ServerOptions): Promise<TestServer> {
  const requests: http.IncomingMessage[] = [];
  const listener: Handler = (request, response) => {
    requests.push(request);
    handler(request, response);
  };
  const server = tls ? https.createServer(tls, listener) : http.createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  const lines = () => requests.map(({ method, url }) => `${method} ${url}`);
  return { host: `127.0.0.1:${port}`, port, requests, lines };
}

export function client(t: ExecutionContext, options: Partial<RegistryClientOptions> = {}): RegistryClient {
  const made = new RegistryClient({ credentials: logins({}), userAgent: 'test', log: silentLog, ...options });
  t.teardown(() => made.close());
  return made;
}

/** RegistryCredentials in memory, by registry. */
export function logins(known: Record<string, RegistryCredentials>): CredentialStore {
  return { where: '/etc/config.json', lookup: (registry) => Promise.resolve(known[registry]) };
}

export function imageAt({ host }: TestServer, rest = 'app:v1') {
  return parseReference(`${host}/${rest}`);
}

export function digestOf(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

export function blobOf(body: Buffer): Descriptor {
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf(body), size: body.length };
}

export const manifestType = 'application/vnd.oci.image.manifest.v1+json';
export const manifestBody = Buffer.from('{"schemaVersion":2}');

/** Answers a manifest request as a registry does. */
export function answerManifest(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  body = manifestBody,
): void {
  response.writeHead(200, {
    'content-type': manifestType,
    'docker-content-digest': digestOf(body),
    'content-length': body.length,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

export function answerJson(response: http.ServerResponse, status: number, document: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(document));
}
