import { createHash, createPrivateKey, randomUUID, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { run } from './processes.ts';

export interface TokenServer extends AsyncDisposable {
  /** The `realm` of the challenge. */
  readonly url: string;
  readonly service: string;
  readonly issuer: string;
  /** The certificate that a registry trusts. */
  readonly certificatePath: string;
  /** Every request, such as `GET scope=repository:fn:pull tester` (with the user, or `-`) . */
  readonly requests: string[];
  /** A token for these scopes, without asking over HTTP. */
  token(...scopes: string[]): string;
  stop(): Promise<void>;
}

export interface TokenServerOptions {
  /** Where its key and certificate are written. */
  folder: string;
  username: string;
  password: string;
}

/** The authorization service of a registry: GET with basic auth, POST with the OAuth2 password and refresh flows. */
export async function startTokenServer(options: TokenServerOptions): Promise<TokenServer> {
  const service = 'test-registry';
  const issuer = 'test-issuer';
  const keyPath = join(options.folder, 'token.key');
  const certificatePath = join(options.folder, 'token.crt');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=test-issuer', '-keyout', keyPath, '-out', certificatePath],
  ]);
  const key = createPrivateKey(await readFile(keyPath));
  const certificate = new X509Certificate(await readFile(certificatePath)).raw.toString('base64');
  const token = (...scopes: string[]) =>
    signToken(key, certificate, { iss: issuer, aud: service, access: scopes.map(accessOf) });
  const refreshToken = createHash('sha256').update(options.password).digest('hex');
  const requests: string[] = [];

  const server = createServer((request, response) => {
    void (async () => {
      const asked = await readTokenRequest(request);
      requests.push(
        `${request.method} ${asked.scopes.map((scope) => `scope=${scope}`).join(' ')} ${asked.username ?? '-'}`,
      );
      const known =
        (asked.username === options.username && asked.password === options.password) ||
        asked.refreshToken === refreshToken;
      response.setHeader('content-type', 'application/json');
      if (!known) response.writeHead(401).end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED' }] }));
      else {
        const issued = token(...asked.scopes);
        response.end(
          JSON.stringify({ token: issued, access_token: issued, refresh_token: refreshToken, expires_in: 300 }),
        );
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  return { url, service, issuer, certificatePath, requests, token, stop, [Symbol.asyncDispose]: stop };
}

interface TokenRequest {
  scopes: string[];
  username?: string | undefined;
  password?: string | undefined;
  refreshToken?: string | undefined;
}

async function readTokenRequest(request: IncomingMessage): Promise<TokenRequest> {
  const query = new URL(request.url ?? '', 'http://token').searchParams;
  const form = new URLSearchParams(request.method === 'POST' ? await text(request) : '');
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const [, username, password] = /^([^:]*):(.*)$/.exec(Buffer.from(basic, 'base64').toString()) ?? [];
  return {
    scopes: [...query.getAll('scope'), ...form.getAll('scope')].flatMap((scope) => scope.split(' ')).filter(Boolean),
    username: username ?? form.get('username') ?? undefined,
    password: password ?? form.get('password') ?? undefined,
    refreshToken: form.get('refresh_token') ?? undefined,
  };
}

/** `repository:name:pull,push` as the token's claim has it. */
function accessOf(scope: string) {
  const [, type, name, actions] = /^([^:]+):(.+):([^:]*)$/.exec(scope) ?? [];
  return { type, name, actions: actions?.split(',') };
}

function signToken(key: KeyObject, certificate: string, claims: object): string {
  const seconds = Math.floor(Date.now() / 1000);
  const times = { nbf: seconds - 60, iat: seconds - 60, exp: seconds + 300, jti: randomUUID(), sub: 'tester' };
  const parts = [
    { alg: 'ES256', typ: 'JWT', x5c: [certificate] },
    { ...claims, ...times },
  ];
  const body = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign('sha256', Buffer.from(body), { key, dsaEncoding: 'ieee-p1363' });
  return `${body}.${signature.toString('base64url')}`;
}
