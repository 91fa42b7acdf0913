import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials, CredentialStore } from './credentials.ts';
import { RegistryError } from './registry-error.ts';
import type { RegistryHost } from './hosts.ts';
import { readSmallBody, type HttpRequest, type Transport } from './transport.ts';

const tokenAnswerSchema = z.object({
  token: z.string().nullish(),
  access_token: z.string().nullish(),
  expires_in: z.number().nullish(),
});

interface Token {
  value: string;
  expiresAtMs: number;
}

interface Session {
  credentials: Credentials | undefined;
  /** True once the registry asked for Basic: sent at once from then on. */
  basic: boolean;
  /** By scope; promises, so that parallel blob reads fetch one token. */
  tokens: Map<string, Promise<Token>>;
}

// The distribution specification's default, for token servers that name no expiry.
const defaultTokenLifeSeconds = 60;
const tokenSlackMs = 5_000;
const clientId = 'berth';

/** Answers 401s, https://distribution.github.io/distribution/spec/auth/, and remembers the tokens. */
export class Authorizer {
  readonly #credentials: CredentialStore;
  readonly #transport: Transport;
  readonly #userAgent: string;
  readonly #sessions = new Map<string, Session>();

  constructor(options: { credentials: CredentialStore; transport: Transport; userAgent: string }) {
    this.#credentials = options.credentials;
    this.#transport = options.transport;
    this.#userAgent = options.userAgent;
  }

  /** Reads the credentials again; where they changed, tokens that the old ones bought are forgotten. */
  async refresh(host: RegistryHost): Promise<void> {
    const credentials = await this.#credentials.lookup(host.name);
    const session = this.#sessions.get(host.name);
    if (session && isDeepStrictEqual(session.credentials, credentials)) return;
    this.#sessions.set(host.name, { credentials, basic: false, tokens: new Map() });
  }

  /** The Authorization header to start with, where an earlier answer taught which. */
  async header(host: RegistryHost, repository: string): Promise<string | undefined> {
    const session = await this.#session(host);
    if (session.basic) return basicHeader(session.credentials);
    const token = await session.tokens.get(pullScope(repository))?.catch(() => undefined);
    return token && token.expiresAtMs > Date.now() ? `Bearer ${token.value}` : undefined;
  }

  /**
   * Gets what the challenges of a 401 ask for.
   *
   * @returns the header to repeat the request with, or undefined when there is nothing (more) to offer
   */
  async answer(
    request: { host: RegistryHost; repository: string; refused: string | undefined },
    wwwAuthenticate: string,
  ): Promise<string | undefined> {
    const challenges = parseChallenges(wwwAuthenticate);
    const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.realm);
    const session = await this.#session(request.host);
    if (bearer) return this.#bearer(session, bearer, request);
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return undefined;
    session.basic = true;
    const header = basicHeader(session.credentials);
    return header === request.refused ? undefined : header;
  }

  async #bearer(
    session: Session,
    challenge: Challenge,
    { host, repository, refused }: Parameters<Authorizer['answer']>[0],
  ): Promise<string | undefined> {
    const key = pullScope(repository);
    if (session.credentials?.kind === 'registry-token') {
      const token = { value: session.credentials.token, expiresAtMs: Infinity };
      session.tokens.set(key, Promise.resolve(token));
      return refused === `Bearer ${token.value}` ? undefined : `Bearer ${token.value}`;
    }
    const pending = session.tokens.get(key);
    const known = pending && (await pending);
    if (known && known.expiresAtMs > Date.now()) {
      // Another request of this pull may have fetched it meanwhile.
      if (`Bearer ${known.value}` !== refused) return `Bearer ${known.value}`;
      // A token refused while it is fresh lacks the right: one more would lack it too.
      if (challenge.parameters.error) return undefined;
    }
    // No await between looking and setting: parallel blob reads share one token request.
    const newer = session.tokens.get(key);
    const fetching =
      newer !== undefined && newer !== pending
        ? newer
        : this.#fetchToken(session.credentials, challenge, { host, repository });
    session.tokens.set(key, fetching);
    fetching.catch(() => session.tokens.delete(key));
    return `Bearer ${(await fetching).value}`;
  }

  async #fetchToken(
    credentials: Credentials | undefined,
    { parameters }: Challenge,
    { host, repository }: { host: RegistryHost; repository: string },
  ): Promise<Token> {
    const realm = URL.parse(parameters.realm ?? '', host.url);
    if (realm === null || !/^https?:$/.test(realm.protocol)) {
      throw new RegistryError('refused', `registry ${host.name} names no usable token server`, { registry: host.name });
    }
    const asked = (parameters.scope ?? '').split(' ').filter(Boolean);
    const scopes = [...new Set([...asked, pullScope(repository)])].sort();
    const service = parameters.service;
    const tls = realm.host === host.url.host ? host.tls : undefined;
    const send = (request: Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'>) =>
      this.#send({ ...request, headers: { ...request.headers, 'user-agent': this.#userAgent }, tls });

    if (credentials && credentials.kind !== 'registry-token') {
      const answer = await send(tokenPost(realm, service, scopes, credentials));
      if (answer.status === 200) return readToken(answer.body, host.name);
      // Many token servers know only GET; an identity token has no GET form.
      const mayGet = credentials.kind === 'password' && [400, 401, 404, 405].includes(answer.status);
      if (!mayGet) throw this.#tokenError(host.name, repository, answer.status);
    }
    const answer = await send(tokenGet(realm, service, scopes, credentials));
    if (answer.status === 200) return readToken(answer.body, host.name);
    throw this.#tokenError(host.name, repository, answer.status);
  }

  async #send(request: HttpRequest): Promise<{ status: number; body: Buffer }> {
    const { response } = await this.#transport.send(request);
    const body = await readSmallBody(response, `the answer of token server ${request.url.host}`);
    return { status: response.statusCode ?? 0, body };
  }

  async #session(host: RegistryHost): Promise<Session> {
    if (!this.#sessions.has(host.name)) await this.refresh(host);
    return this.#sessions.get(host.name) ?? { credentials: undefined, basic: false, tokens: new Map() };
  }

  #tokenError(registry: string, repository: string, status: number): RegistryError {
    if (status === 429 || status >= 500) {
      return new RegistryError(
        'unreachable',
        `the token server of registry ${registry} answered HTTP ${status} for repository ${repository}: try again later`,
        { registry, repository, status },
      );
    }
    return new RegistryError(
      'denied',
      `the token server of registry ${registry} refused a token for repository ${repository} (HTTP ${status}): ` +
        `put a valid login for ${registry} in ${this.#credentials.where}`,
      { registry, repository, status },
    );
  }
}

function pullScope(repository: string): string {
  return `repository:${repository}:pull`;
}

function basicHeader(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== 'password' || credentials.password === '') return undefined;
  const pair = `${credentials.username}:${credentials.password}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

function tokenPost(
  url: URL,
  service: string | undefined,
  scopes: string[],
  credentials: Exclude<Credentials, { kind: 'registry-token' }>,
): Pick<HttpRequest, 'method' | 'url' | 'headers' | 'body'> {
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
  return { method: 'POST', url, headers, body: form.toString() };
}

function tokenGet(
  realm: URL,
  service: string | undefined,
  scopes: string[],
  credentials: Credentials | undefined,
): Pick<HttpRequest, 'method' | 'url' | 'headers'> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const authorization = basicHeader(credentials);
  return { method: 'GET', url, headers: { accept: 'application/json', ...(authorization && { authorization }) } };
}

function readToken(body: Buffer, registry: string): Token {
  const unusable = () =>
    new RegistryError('refused', `the token server of registry ${registry} answered without a token`, { registry });
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    throw unusable();
  }
  const answer = tokenAnswerSchema.safeParse(document);
  const value = answer.data?.access_token || answer.data?.token;
  if (!value) throw unusable();
  const lifeMs = (answer.data?.expires_in ?? defaultTokenLifeSeconds) * 1000;
  return { value, expiresAtMs: Date.now() + lifeMs - Math.min(tokenSlackMs, lifeMs / 2) };
}
