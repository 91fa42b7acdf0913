import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../base/log.ts';
import { quote } from '../base/quote.ts';
import { Authorizer } from './authorizer.ts';
import { readBlob } from './blob.ts';
import { firstLogins, type CredentialStore } from './credentials.ts';
import { RegistryError } from './registry-error.ts';
import { type RegistryHost, registryHosts } from './hosts.ts';
import { acceptedManifestTypes, type Descriptor, digestOf, verifyDigest } from './manifest.ts';
import type { ProxyEnv } from './proxy-env.ts';
import type { Leader } from './inner-addresses.ts';
import { isDigest, type Reference } from './reference.ts';
import { refusal } from './refusal.ts';
import { patienceMs } from './retry-after.ts';
import { discard, maxSmallBodyBytes, readSmallBody, Transport, type HttpRequest } from './transport.ts';

export interface RegistryClientOptions {
  credentials: CredentialStore;
  /** Folder of containerd's registry configuration, see {@link registryHosts}. */
  hostsDir?: string;
  proxyEnv?: ProxyEnv;
  /** How long a registry may be silent in the middle of an answer, 30 s unless set. */
  stallTimeoutMs?: number;
  userAgent: string;
  log: Log;
}

/** A question to a host about one repository. */
interface Ask {
  method: 'GET' | 'HEAD';
  /** Path below the repository, such as `manifests/latest`. */
  path: string;
  accept: string;
  range?: string;
  signal?: AbortSignal;
}

interface HostAnswer {
  response: IncomingMessage;
  /** Whether redirects led to another host. */
  isForeign: boolean;
  from: Leader;
}

const maxAttempts = 5;
const retryDelayMs = 50;

/** Reads images from registries, https://github.com/opencontainers/distribution-spec. */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #stallTimeoutMs: number;
  readonly #transport: Transport;
  readonly #authorizer: Authorizer;

  constructor(options: RegistryClientOptions, transport?: Transport) {
    const { proxyEnv = {}, stallTimeoutMs = 30_000 } = options;
    this.#options = options;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#transport = transport ?? new Transport({ proxyEnv, stallTimeoutMs });
    this.#authorizer = new Authorizer({ ...options, transport: this.#transport });
  }

  /** Makes a client with logins, and so tokens, of its own; where those have none, the logins of this one hold. */
  withLogins(own: CredentialStore): RegistryClient {
    const credentials = firstLogins(own, this.#options.credentials);
    return new RegistryClient({ ...this.#options, credentials }, this.#transport);
  }

  /**
   * Asks what the registry has under a reference today. Every pull begins here: credentials are read again.
   * @throws RegistryError when no host answers with a descriptor
   */
  async resolve(reference: Reference, options: { signal?: AbortSignal } = {}): Promise<Descriptor> {
    const hosts = await this.#hosts(reference);
    await Promise.all(hosts.map((host) => this.#authorizer.refresh(host)));
    const able = hosts.filter((host) => reference.digest !== undefined || host.resolvesTags);
    return this.#first(able, reference, (host) => this.#resolveAt(host, reference, options.signal));
  }

  /**
   * Reads a manifest or an index and verifies it.
   * @throws RegistryError when no host gives it whole
   */
  async fetchManifest(
    reference: Reference,
    descriptor: Descriptor,
    options: { signal?: AbortSignal } = {},
  ): Promise<Buffer> {
    const ask = askFor('manifests', descriptor, options);
    const what = `manifest ${descriptor.digest} of ${reference.name}`;
    return this.#first(await this.#hosts(reference), reference, async (host) => {
      const response = await this.#ask(host, reference, ask);
      const body = await readSmallBody(response, what);
      verifyDigest(body, descriptor.digest, what);
      return body;
    });
  }

  /**
   * Reads a small blob such as a config, at most 4 MiB, and verifies it.
   * @throws RegistryError when no host gives it whole
   */
  async fetchBlob(
    reference: Reference,
    descriptor: Descriptor,
    options: { signal?: AbortSignal } = {},
  ): Promise<Buffer> {
    const what = `blob ${descriptor.digest} of ${reference.name}`;
    if (descriptor.size > maxSmallBodyBytes) throw new RegistryError('not-an-image', `${what} is larger than 4 MiB`);
    const body = await buffer(this.openBlob(reference, descriptor, options));
    verifyDigest(body, descriptor.digest, what);
    return body;
  }

  /**
   * Reads a blob from `offset` to its end, through another connection where one was cut. The number of bytes is checked;
   * their digest is for the reader to verify, who alone may have the bytes before `offset`.
   */
  openBlob(
    reference: Reference,
    descriptor: Descriptor,
    options: { offset?: number; signal?: AbortSignal } = {},
  ): AsyncIterable<Buffer> {
    const ask = askFor('blobs', descriptor, options);
    const open = async (offset: number) => {
      const ranged = offset > 0 ? { ...ask, range: `bytes=${offset}-` } : ask;
      return this.#first(await this.#hosts(reference), reference, (host) => this.#ask(host, reference, ranged));
    };
    return readBlob(open, {
      what: `blob ${descriptor.digest} of ${reference.name}`,
      size: descriptor.size,
      offset: options.offset ?? 0,
      stallTimeoutMs: this.#stallTimeoutMs,
      signal: options.signal,
      log: this.#options.log,
    });
  }

  /** Ends idle connections. */
  close(): void {
    this.#transport.close();
  }

  async #resolveAt(host: RegistryHost, reference: Reference, signal?: AbortSignal): Promise<Descriptor> {
    const path = `manifests/${reference.digest ?? reference.tag}`;
    const accept = [...acceptedManifestTypes, '*/*'].join(', ');
    const head = await this.#ask(host, reference, { method: 'HEAD', path, accept, signal });
    discard(head);
    const digest = reference.digest ?? headerText(head, 'docker-content-digest');
    const size = Number(headerText(head, 'content-length'));
    const known = head.statusCode === 200 && digest !== undefined && isDigest(digest) && size > 0;
    if (known) return checkedSize({ mediaType: mediaTypeOf(head), digest, size }, reference);

    // Registries without HEAD, or without the two headers: the body tells.
    const response = await this.#ask(host, reference, { method: 'GET', path, accept, signal });
    const body = await readSmallBody(response, `the manifest of ${reference.name}`);
    if (reference.digest !== undefined) verifyDigest(body, reference.digest, `the manifest of ${reference.name}`);
    return { mediaType: mediaTypeOf(response), digest: reference.digest ?? digestOf(body), size: body.length };
  }

  #hosts(reference: Reference): Promise<RegistryHost[]> {
    return registryHosts(reference.registry, this.#options.hostsDir);
  }

  /** Tries each host in turn; where all fail, the error of the one that got furthest is thrown. */
  async #first<T>(hosts: RegistryHost[], reference: Reference, use: (host: RegistryHost) => Promise<T>): Promise<T> {
    let furthest: RegistryError | undefined;
    for (const host of hosts) {
      try {
        return await use(host);
      } catch (error) {
        if (!(error instanceof RegistryError)) throw error;
        if (furthest === undefined || progress(error) >= progress(furthest)) furthest = error;
        if (host !== hosts.at(-1)) {
          const fields = { mirror: host.url.host, image: reference.name, error: describeError(error) };
          this.#options.log.warn('registry mirror failed, asking the next one', fields);
        }
      }
    }
    throw furthest ?? noHost(reference);
  }

  /** Sends a question, with authentication and retries; any status but success is thrown. */
  async #ask(host: RegistryHost, reference: Reference, ask: Ask): Promise<IncomingMessage> {
    let authorization = await this.#authorizer.header(host, reference.repository);
    for (let attempt = 1; ; attempt++) {
      const { response, isForeign, from } = await this.#sendOrRetry(host, reference, ask, authorization);
      const status = response.statusCode ?? 0;
      if (status === 200 || status === 206 || (status === 405 && ask.method === 'HEAD')) return response;
      const challenge = response.headers['www-authenticate'];
      const last = attempt >= maxAttempts || isForeign;
      if (status === 401 && challenge !== undefined && !last) {
        const { repository } = reference;
        const request = { host, repository, refused: authorization, isKept: attempt === 1, from };
        const answer = await this.#authorizer.answer(request, challenge);
        if (answer !== undefined) {
          discard(response);
          authorization = answer;
          continue;
        }
      }
      const delayMs = last ? undefined : retryDelay(response, attempt);
      if (delayMs === undefined) {
        throw await refusal(response, { host, reference, credentialsAt: this.#options.credentials.where });
      }
      discard(response);
      if (delayMs > retryDelayMs) {
        const fields = { registry: host.url.host, image: reference.name, status, seconds: Math.ceil(delayMs / 1000) };
        this.#options.log.info('registry asks for patience, waiting before it is asked again', fields);
      }
      await sleep(delayMs, undefined, { signal: ask.signal });
    }
  }

  async #sendOrRetry(host: RegistryHost, reference: Reference, ask: Ask, authorization?: string): Promise<HostAnswer> {
    const request = this.#requestOf(host, reference, ask, authorization);
    const send = async () => {
      const { response, url, from } = await this.#transport.send(request);
      // Whoever a redirect leads to must not be answered with this registry's password.
      return { response, isForeign: url.origin !== request.url.origin, from };
    };
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof RegistryError) || error.kind !== 'unreachable') throw error;
      // An idle connection that the registry closed under us looks the same as a registry that is down.
      await sleep(retryDelayMs, undefined, { signal: ask.signal });
      return send().catch((again: unknown) => {
        throw again instanceof RegistryError ? unreachable(reference, again) : again;
      });
    }
  }

  #requestOf(host: RegistryHost, reference: Reference, ask: Ask, authorization?: string): HttpRequest {
    const url = new URL(host.url);
    url.pathname = `${url.pathname}/${reference.repository}/${ask.path}`;
    if (host.mirrorOf !== undefined) url.searchParams.set('ns', host.mirrorOf);
    const headers = {
      ...host.headers,
      accept: ask.accept,
      // A transparent Content-Encoding would make offsets and digests count other bytes.
      'accept-encoding': 'identity',
      'user-agent': this.#options.userAgent,
      ...(ask.range !== undefined && { range: ask.range }),
      ...(authorization !== undefined && { authorization }),
    };
    const { tls, connectTimeoutMs } = host;
    return { method: ask.method, url, headers, tls, connectTimeoutMs, signal: ask.signal };
  }
}

function askFor(kind: 'manifests' | 'blobs', descriptor: Descriptor, { signal }: { signal?: AbortSignal }): Ask {
  const { digest, mediaType } = descriptor;
  if (!isDigest(digest)) throw new RegistryError('corrupt', `${quote(digest)} is no digest`);
  return { method: 'GET', path: `${kind}/${digest}`, accept: `${mediaType}, */*`, signal };
}

function retryDelay(response: IncomingMessage, attempt: number): number | undefined {
  const isTrouble = [500, 502, 503, 504].includes(response.statusCode ?? 0);
  return patienceMs(response, attempt) ?? (isTrouble && attempt === 1 ? retryDelayMs : undefined);
}

/** Ranks how far a host let us come: not reached, trouble there, no such image, another login wanted. */
function progress({ kind, status }: RegistryError): number {
  if (kind === 'unreachable') return status === undefined ? 0 : 1;
  return kind === 'not-found' ? 2 : 3;
}

function unreachable({ registry, repository, name }: Reference, cause: RegistryError): RegistryError {
  return new RegistryError('unreachable', `cannot pull ${name}: ${cause.message}`, { registry, repository, cause });
}

function noHost({ registry, repository, name }: Reference): RegistryError {
  return new RegistryError(
    'configuration',
    `no host in hosts.toml may resolve the tag of ${name}: give one of them the capability "resolve"`,
    { registry, repository },
  );
}

function checkedSize(descriptor: Descriptor, { name }: Reference): Descriptor {
  if (descriptor.size <= maxSmallBodyBytes) return descriptor;
  throw new RegistryError('not-an-image', `the manifest of ${name} is larger than 4 MiB`);
}

function mediaTypeOf(response: IncomingMessage): string {
  return (response.headers['content-type'] ?? '').replace(/;.*$/, '').trim();
}

function headerText(response: IncomingMessage, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}
