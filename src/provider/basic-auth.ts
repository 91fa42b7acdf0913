import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'koa';
import { GuessLimit } from './guess-limit.ts';
import { ConfigError } from './read-settings.ts';
import { ProviderError } from './provider-errors.ts';

/** The user and the password that a server asks for. */
export interface BasicAuthCredentials {
  user: string;
  password: string;
}

/**
 * Reads the files `basic-auth-user` and `basic-auth-password` of a folder, without the blanks and line feeds around.
 * @throws ConfigError naming the file that is empty or cannot be read
 */
export async function readCredentials(secretMountPath: string): Promise<BasicAuthCredentials> {
  // One behind the other, so that the file named is always the same one.
  const user = await readSecretFile(join(secretMountPath, 'basic-auth-user'));
  const password = await readSecretFile(join(secretMountPath, 'basic-auth-password'));
  return { user, password };
}

async function readSecretFile(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new ConfigError(`basic auth is on, but ${path} cannot be read: write it, or set basic_auth=false`, { cause });
  });
  const secret = text.trim();
  if (!secret) throw new ConfigError(`basic auth is on, but ${path} is empty: write it, or set basic_auth=false`);
  return secret;
}

/** Checks what a caller at an address gave as user and password; throws ProviderError unless it is right. */
export type PasswordCheck = (address: string, given: BasicAuthCredentials) => void;

/**
 * Makes the check of a user and a password.
 * @returns a function that throws ProviderError: 401 when they are wrong, and 429 after many wrong ones from the address
 */
export function passwordCheck(credentials: BasicAuthCredentials): PasswordCheck {
  // Equal length and an unknown key: neither the time nor the order of the comparison says anything about the secret.
  const key = randomBytes(32);
  const digest = (text: string) => createHmac('sha256', key).update(text).digest();
  const wanted = { user: digest(credentials.user), password: digest(credentials.password) };
  const limit = new GuessLimit();

  return (address, given) => {
    const waitMs = limit.waitMs(address);
    // The right password as well: else a guesser is told all the same which it is.
    if (waitMs > 0) throw tooManyGuesses(Math.ceil(waitMs / 1000));
    const userMatches = timingSafeEqual(digest(given.user), wanted.user);
    const passwordMatches = timingSafeEqual(digest(given.password), wanted.password);
    if (userMatches && passwordMatches) return;
    limit.guessed(address);
    throw new ProviderError(401, invalid);
  };
}

/**
 * Makes the check of a request's user and password, for a handler that asks for others than the server does.
 * @returns a function that throws ProviderError unless the request carries them: 401, and 429 after many wrong ones from
 * the caller's address
 */
export function basicAuth(credentials: BasicAuthCredentials): (ctx: Context) => void {
  const check = passwordCheck(credentials);
  return (ctx) => {
    const asking = { headers: mayAsk(ctx) ? challenge : undefined };
    const given = readAuthorization(ctx.get('Authorization'));
    if (!given) throw new ProviderError(401, invalid, asking);
    try {
      check(ctx.ip, given);
    } catch (error) {
      throw error instanceof ProviderError && error.status === 401 ? new ProviderError(401, invalid, asking) : error;
    }
  };
}

const invalid = 'invalid credentials';

function tooManyGuesses(seconds: number): ProviderError {
  const message = `too many wrong passwords from this address: try again in ${seconds} s`;
  return new ProviderError(429, message, { headers: { 'Retry-After': String(seconds) } });
}

/**
 * Whether the caller may be asked for the password. A browser that gives it at one address sends it to all beside and below
 * (RFC 7617 §2.2): given elsewhere than below /system/, functions would get it.
 */
function mayAsk(ctx: Context): boolean {
  return ctx.path.startsWith('/system/') || !ctx.get('User-Agent').startsWith('Mozilla/');
}

const challenge = { 'WWW-Authenticate': 'Basic realm="Restricted"' };

function readAuthorization(header: string): BasicAuthCredentials | undefined {
  const [, encoded] = /^Basic +([\w+/=-]+)$/i.exec(header) ?? [];
  const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString()) ?? [];
  return user === undefined || password === undefined ? undefined : { user, password };
}
