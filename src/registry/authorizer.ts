import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Log } from '../base/log.ts';
import { parseJson } from '../base/parse-json.ts';
import { monotonicMs } from '../base/monotonic.ts';
import { parseChallenges, type Challenge } from './challenge.ts';
import type { CredentialStore, RegistryCredentials } from './credentials.ts';
import { NewestMap } from './newest-map.ts';
import { RegistryError } from './registry-error.ts';
import { registryHosts, type RegistryHost } from './hosts.ts';
import type { Leader } from './inner-addresses.ts';
import { patienceMs, whenToRetry } from './retry-after.ts';
import { readSmallBody, tlsElsewhere, type HttpRequest, type TlsOptions, type Transport } from './transport.ts';

const tokenAnswerSchema = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  // Some write other things there; the token is good all the same.
  expires_in: z.number().nullish().catch(undefined),
});

/** Credentials that a token server gives a token for. */
type ExchangedCredentials = Exclude<RegistryCredentials, { kind: 'registry-token' }>;

interface Token {
  value: string;
  /** On the clock of `performance.now`. */
  expiresAtMs: number;
}

/** A request that was answered 401, with the Authorization header that it had. */
export interface RefusedRequest {
  host: RegistryHost;
  repository: string;
  refused: string | undefined;
  /** Whether that header was kept from an earlier request, and so may be of rights or of a key that are no more. */
  isKept: boolean;
  /** Whom the 401 came from. */
  from: Leader;
}

/** State of the authentication at one host. */
interface Session {
  credentials: RegistryCredentials | undefined;
  /** Whether the registry has asked for Basic, which is sent at once from then on. */
  basic: boolean;
  /** Tokens by scope; promises, so that parallel blob reads fetch one token. */
  tokens: Map<string, Promise<Token>>;
}

// The distribution specification's default, for token servers that name no expiry.
const defaultTokenLifeSeconds = 60;
const tokenSlackMs = 5_000;
const clientId = 'berth';
const maxAttempts = 4;
/** Of hosts, and of repositories at each: a pull asks one repository, of its registry and its mirrors. */
const [keptSessions, keptTokens] = [100, 100];

export interface AuthorizerOptions {
  credentials: CredentialStore;
  transport: Transport;
  userAgent: string;
  /** Folder of containerd's registry configuration, in which a token server may have a folder too. */
  hostsDir?: string;
  log: Log;
}

/** Answers a registry's 401s, https://distribution.github.io/distribution/spec/auth/, and remembers the tokens. */
export class Authorizer {
  readonly #credentials: CredentialStore;
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #hostsDir?: string;
  readonly #log: Log;
  readonly #sessions = new NewestMap<string, Session>(keptSessions);

  constructor(options: AuthorizerOptions) {
    this.#credentials = options.credentials;
    this.#transport = options.transport;
    this.#userAgent = options.userAgent;
    this.#hostsDir = options.hostsDir;
    this.#log = options.log;
  }

  /** Reads the credentials again; where they changed, tokens that the old ones bought are forgotten. */
  async refresh(host: RegistryHost): Promise<void> {
    const credentials = await this.#credentials.lookup(host.name);
    const session = this.#sessions.get(host.name);
    if (session && isDeepStrictEqual(session.credentials, credentials)) return;
    this.#sessions.set(host.name, { credentials, basic: false, tokens: new NewestMap(keptTokens) });
  }

  /** Answers the Authorization header to start with, where an earlier answer taught which. */
  async header(host: RegistryHost, repository: string): Promise<string | undefined> {
    const session = await this.#session(host);
    if (session.basic) return basicHeader(session.credentials);
    const token = await session.tokens.get(pullScope(repository))?.catch(() => undefined);
    return token && token.expiresAtMs > monotonicMs() ? `Bearer ${token.value}` : undefined;
  }

  /**
   * Gets what the challenges of a 401 ask for.
   * @returns the Authorization header to repeat the request with, or undefined when there is nothing (more) to offer
   * @throws RegistryError when the token server refuses a token or cannot be reached
   */
  async answer(request: RefusedRequest, wwwAuthenticate: string): Promise<string | undefined> {
    const challenges = parseChallenges(wwwAuthenticate);
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm);
    const session = await this.#session(request.host);
    if (bearer) return this.#bearer(session, bearer, request);
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    session.basic = true;
    const header = basicHeader(session.credentials);
    return header === request.refused ? undefined : header;
  }

  async #bearer(session: Session, challenge: Challenge, request: RefusedRequest): Promise<string | undefined> {
    const { refused } = request;
    const { credentials } = session;
    const key = pullScope(request.repository);
    if (credentials?.kind === 'registry-token') {
      const token = { value: credentials.token, expiresAtMs: Infinity };
      session.tokens.set(key, Promise.resolve(token));
      return refused === `Bearer ${token.value}` ? undefined : `Bearer ${token.value}`;
    }
    const pending = session.tokens.get(key);
    const known = pending && (await pending);
    if (known && known.expiresAtMs > monotonicMs()) {
      // Another request of this pull may have fetched it meanwhile.
      if (`Bearer ${known.value}` !== refused) return `Bearer ${known.value}`;
      // A token that was fetched for this request lacks the right: one more would lack it too.
      if (challenge.parameters.error && !request.isKept) return undefined;
    }
    // No await between looking and setting: parallel blob reads share one token request.
    const newer = session.tokens.get(key);
    const isShared = newer !== undefined && newer !== pending;
    const fetching = isShared ? newer : this.#fetchToken(credentials, challenge, request);
    session.tokens.set(key, fetching);
    fetching.catch(() => session.tokens.delete(key));
    return `Bearer ${(await fetching).value}`;
  }

  async #fetchToken(
    credentials: ExchangedCredentials | undefined,
    challenge: Challenge,
    { host, repository, from: namedBy }: RefusedRequest,
  ): Promise<Token> {
    const question = tokenQuestion(challenge, host, repository);
    const tls = await this.#tlsOf(question.realm, host);
    const ask = (request: HttpRequest) => this.#askToken({ ...request, tls, namedBy }, host.name, repository);
    if (!credentials) return ask(tokenGet(question));
    try {
      return await ask(tokenPost(question, credentials));
    } catch (error) {
      // Every token server knows GET, not all know the form, and each of those says so in its own way. Only an identity
      // token has no GET form.
      if (!(error instanceof RegistryError) || credentials.kind !== 'password' || error.status === 429) throw error;
      return ask(tokenGet(question, credentials));
    }
  }

  async #askToken(request: HttpRequest, registry: string, repository: string): Promise<Token> {
    const headers = { ...request.headers, 'user-agent': this.#userAgent };
    const server = request.url.host;
    for (let attempt = 1; ; attempt++) {
      const { response } = await this.#transport.send({ ...request, headers });
      const body = await readSmallBody(response, `the answer of token server ${server}`);
      if (response.statusCode === 200) return readToken(body, registry);
      const waitMs = attempt < maxAttempts ? patienceMs(response, attempt) : undefined;
      if (waitMs === undefined) throw this.#tokenError(registry, repository, response);
      const fields = { server, repository, status: response.statusCode, seconds: Math.ceil(waitMs / 1000) };
      this.#log.info('token server asks for patience, waiting before it is asked again', fields);
      await sleep(waitMs);
    }
  }

  /** A token server has a folder of its own for its certificates, or those of the registry that named it. */
  async #tlsOf(realm: URL, { url, tls }: RegistryHost): Promise<TlsOptions | undefined> {
    if (realm.host === url.host || realm.protocol === 'http:') return realm.host === url.host ? tls : undefined;
    const own = (await registryHosts(realm.host, this.#hostsDir)).at(-1)?.tls;
    return own ?? tlsElsewhere(tls, url, realm);
  }

  async #session(host: RegistryHost): Promise<Session> {
    if (!this.#sessions.has(host.name)) await this.refresh(host);
    return this.#sessions.get(host.name) ?? { credentials: undefined, basic: false, tokens: new Map() };
  }

  #tokenError(registry: string, repository: string, response: IncomingMessage): RegistryError {
    const { statusCode: status = 0 } = response;
    const server = `the token server of registry ${registry}`;
    if (status === 429 || status >= 500) {
      const trouble = `${server} answered HTTP ${status} for repository ${repository}: ${whenToRetry(response)}`;
      return new RegistryError('unreachable', trouble, { registry, repository, status });
    }
    const advice = `put a valid login for ${registry} in ${this.#credentials.where}`;
    const denied = `${server} refused a token for repository ${repository} (HTTP ${status}): ${advice}`;
    return new RegistryError('denied', denied, { registry, repository, status });
  }
}

function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

function basicHeader(credentials: RegistryCredentials | undefined): string | undefined {
  if (credentials?.kind !== 'password' || credentials.password === '') return undefined;
  const pair = `${credentials.username}:${credentials.password}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** A question for a token, as a challenge puts it. */
interface TokenQuestion {
  realm: URL;
  service?: string;
  scopes: string[];
}

function tokenQuestion({ parameters }: Challenge, host: RegistryHost, repository: string): TokenQuestion {
  const realm = URL.parse(parameters.realm ?? '', host.url);
  if (realm === null || !/^https?:$/.test(realm.protocol)) {
    throw new RegistryError('refused', `registry ${host.name} names no usable token server`, { registry: host.name });
  }
  const asked = (parameters.scope ?? '').split(' ').filter(Boolean);
  return { realm, service: parameters.service, scopes: [...new Set([...asked, pullScope(repository)])].sort() };
}

function tokenPost({ realm, service, scopes }: TokenQuestion, credentials: ExchangedCredentials): HttpRequest {
  const form = new URLSearchParams({ client_id: clientId, scope: scopes.join(' ') });
  if (service !== undefined) form.set('service', service);
  if (credentials.kind === 'password') {
    form.set('grant_type', 'password');
    form.set('username', credentials.username);
    form.set('password', credentials.password);
  } else {
    form.set('grant_type', 'refresh_token');
    form.set('refresh_token', credentials.token);
  }
  const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', accept: 'application/json' };
  return { method: 'POST', url: realm, headers, body: form.toString() };
}

function tokenGet({ realm, service, scopes }: TokenQuestion, credentials?: RegistryCredentials): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const authorization = basicHeader(credentials);
  return { method: 'GET', url, headers: { accept: 'application/json', ...(authorization && { authorization }) } };
}

function readToken(body: Buffer, registry: string): Token {
  const answer = tokenAnswerSchema.safeParse(parseJson(body.toString())).data;
  const value = answer?.access_token || answer?.token;
  if (!value) {
    throw new RegistryError('refused', `the token server of registry ${registry} answered without a token`, {
      registry,
    });
  }
  const lifeMs = (answer.expires_in ?? defaultTokenLifeSeconds) * 1000;
  return { value, expiresAtMs: monotonicMs() + lifeMs - Math.min(tokenSlackMs, lifeMs / 2) };
}
