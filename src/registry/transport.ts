import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { getCACertificates } from 'node:tls';
import { describeError } from '../base/log.ts';
import { hostOf, InnerAddressGuard, type Leader } from './inner-addresses.ts';
import { RegistryError } from './registry-error.ts';
import { proxyFor, type ProxyEnv } from './proxy-env.ts';

/** Certificates and keys in PEM, as https.request takes them. */
export interface TlsOptions {
  ca?: string[];
  cert?: string[];
  key?: string[];
  rejectUnauthorized?: boolean;
}

/** A request to be sent; its body is small or absent. */
export interface HttpRequest {
  method: 'GET' | 'HEAD' | 'POST';
  url: URL;
  /** The registry that named the URL, where it did. */
  namedBy?: Leader;
  headers: http.OutgoingHttpHeaders;
  body?: string;
  tls?: TlsOptions;
  connectTimeoutMs?: number;
  signal?: AbortSignal;
}

/** An answer whose headers were received. */
export interface HttpAnswer {
  response: http.IncomingMessage;
  /** Address that the answer came from, after redirects. */
  url: URL;
  /** Whom the first answer came from. */
  from: Leader;
}

const defaultConnectTimeoutMs = 30_000;
const smallBodyTimeoutMs = 30_000;
const maxRedirects = 10;
const redirectStatuses = [301, 302, 303, 307, 308];
export const maxSmallBodyBytes = 4 * 1024 * 1024;

/** Headers that another host may see after a redirect; object stores refuse foreign credentials. */
const harmlessHeaders = ['accept', 'accept-encoding', 'range', 'user-agent'];

/** Sends HTTP requests with timeouts, redirects and the proxy of the environment. */
export class Transport {
  readonly #proxyEnv: ProxyEnv;
  readonly #stallTimeoutMs: number;
  readonly #agents = new Map<string, http.Agent>();

  constructor({ proxyEnv, stallTimeoutMs }: { proxyEnv: ProxyEnv; stallTimeoutMs: number }) {
    this.#proxyEnv = proxyEnv;
    this.#stallTimeoutMs = stallTimeoutMs;
  }

  /**
   * Sends a request and answers with the body unread: the caller reads or destroys it.
   * @throws RegistryError of kind `unreachable` when there is no answer, `refused` when it leads to where it may not
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    let next = request;
    let leader = request.namedBy;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const guard = leader && new InnerAddressGuard(leader, next.url);
      guard?.check();
      const response = await this.#sendOnce(next, guard);
      leader ??= this.#leaderOf(request.url, response);
      const location = response.headers.location;
      // A POST carries a password in its body: it goes where it was sent and nowhere else.
      const final = request.method === 'POST' || !redirectStatuses.includes(response.statusCode ?? 0);
      if (final || location === undefined) {
        return { response, url: next.url, from: leader };
      }
      response.destroy();
      next = redirected(next, location);
    }
    throw new RegistryError('unreachable', `${request.url.host} redirects more than ${maxRedirects} times`);
  }

  /** Ends idle connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #leaderOf(url: URL, { socket }: http.IncomingMessage): Leader {
    const isDirect = proxyFor(url, this.#proxyEnv) === undefined;
    return { host: hostOf(url), ...(isDirect && { address: socket.remoteAddress }) };
  }

  #sendOnce(request: HttpRequest, guard: InnerAddressGuard | undefined): Promise<http.IncomingMessage> {
    const { url, method, headers, tls, connectTimeoutMs = defaultConnectTimeoutMs, signal } = request;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const { request: start } = url.protocol === 'https:' ? https : http;
    // A proxy looks the name up itself, and its own may well lead to this host.
    const direct = proxyFor(url, this.#proxyEnv) === undefined ? guard : undefined;
    const { lookup } = direct ?? {};
    const outgoing = start(url, { method, headers, agent: this.#agentFor(url), signal, lookup, ...tls });

    const giveUp = (what: string) => () => outgoing.destroy(new Error(what));
    let timer = setTimeout(giveUp(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
    const connected = () => {
      clearTimeout(timer);
      timer = setTimeout(giveUp(`no answer within ${this.#stallTimeoutMs} ms`), this.#stallTimeoutMs);
    };
    outgoing.once('socket', (socket) => {
      if (socket.connecting) return socket.once('connect', connected);
      // A connection that idled was made for another request, which may have been led elsewhere.
      if (isRefused(direct, socket, outgoing)) return;
      connected();
    });
    outgoing.once('response', (response) => {
      clearTimeout(timer);
      // A cut after the headers is seen by whoever reads the body; without a listener here it would end the process.
      response.on('error', () => undefined);
      resolve(response);
    });
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(
        signal?.aborted ? (signal.reason as Error) : error instanceof RegistryError ? error : unreachable(url, error),
      );
    });
    outgoing.end(request.body);
    return promise;
  }

  #agentFor(url: URL): http.Agent {
    const proxy = proxyFor(url, this.#proxyEnv);
    const key = `${url.protocol}${proxy ?? ''}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const proxyEnv = proxy === undefined ? undefined : { HTTP_PROXY: proxy, HTTPS_PROXY: proxy };
    const { Agent } = url.protocol === 'https:' ? https : http;
    const agent = new Agent({ keepAlive: true, proxyEnv });
    this.#agents.set(key, agent);
    return agent;
  }
}

/** Reads what nobody needs, for the connection's sake, as far as it is small. */
export function discard(response: http.IncomingMessage): void {
  readSmallBody(response, 'an answer').catch(() => response.destroy());
}

/**
 * Reads a whole body of at most 4 MiB: a manifest, a token, an error page.
 * @throws RegistryError of kind `unreachable` when it is cut, `corrupt` when it is longer
 */
export async function readSmallBody(response: http.IncomingMessage, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const giveUp = () => response.destroy(new Error(`not whole within ${smallBodyTimeoutMs} ms`));
  const timer = setTimeout(giveUp, smallBodyTimeoutMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxSmallBodyBytes) throw new RegistryError('corrupt', `${what} is larger than 4 MiB`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof RegistryError) throw cause;
    throw new RegistryError('unreachable', `reading ${what} was cut short: ${describeError(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks);
}

function isRefused(guard: InnerAddressGuard | undefined, socket: Socket, outgoing: http.ClientRequest): boolean {
  try {
    guard?.check(socket.remoteAddress);
    return false;
  } catch (error) {
    outgoing.destroy(error as Error);
    return true;
  }
}

/**
 * What holds at another address that a registry names, its token server's or its blobs': its authorities beside the usual
 * ones, and that they are not to be asked. Its client certificate goes to no other host.
 */
export function tlsElsewhere(tls: TlsOptions | undefined, from: URL, to: URL): TlsOptions | undefined {
  if (tls === undefined || to.host === from.host) return tls;
  const { ca, ...rest } = tls;
  const { rejectUnauthorized } = rest;
  const own = to.hostname === from.hostname ? rest : { ...(rejectUnauthorized === false && { rejectUnauthorized }) };
  const all = ca && { ca: [...getCACertificates('default'), ...ca] };
  return ca || Object.keys(own).length > 0 ? { ...own, ...all } : undefined;
}

function redirected(request: HttpRequest, location: string): HttpRequest {
  const url = URL.parse(location, request.url);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RegistryError('unreachable', `${request.url.host} redirects to no HTTP address`);
  }
  if (url.origin === request.url.origin) return { ...request, url };
  const headers = Object.entries(request.headers).filter(([name]) => harmlessHeaders.includes(name.toLowerCase()));
  const tls = tlsElsewhere(request.tls, request.url, url);
  return { ...request, url, headers: Object.fromEntries(headers), tls };
}

function unreachable(url: URL, cause: NodeJS.ErrnoException): RegistryError {
  return new RegistryError('unreachable', `cannot reach ${url.origin}: ${reason(cause)}`, { cause });
}

function reason(error: NodeJS.ErrnoException): string {
  const certificate = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(error.code ?? '');
  const detail = error.message || error.code || 'connection failed';
  return certificate ? `${detail}: name its certificate authority in hosts.toml` : detail;
}
