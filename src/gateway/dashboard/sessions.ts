import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { absentAs } from '../../base/absent-file.ts';
import { writeDurably } from '../../base/durable-file.ts';
import { describeError, type Log } from '../../base/log.ts';
import type { BasicAuthCredentials } from '../../provider/index.ts';
import type { SessionView } from './wire.ts';

/** How long a session lasts. */
const sessionMs = 12 * 3600 * 1000;
const keyBytes = 32;

/**
 * Sessions of the dashboard. A token says until when it holds and is signed, so that sessions outlive the daemon; the key is
 * made of a file's and of the password, so that a new password ends all of them.
 */
export class Sessions {
  readonly #key: Buffer;
  /** Those that were logged out, and when they would have ended. */
  readonly #revoked = new Map<string, number>();

  constructor(key: Buffer, { user, password }: BasicAuthCredentials) {
    this.#key = sign(key, JSON.stringify([user, password]));
  }

  /** Begins a session. */
  begin(): SessionView {
    const untilMs = Date.now() + sessionMs;
    const claims = `${untilMs}.${randomBytes(16).toString('base64url')}`;
    const token = `${claims}.${sign(this.#key, claims).toString('base64url')}`;
    return { token, expiresAt: new Date(untilMs).toISOString() };
  }

  /** Whether the token is of a session that has not ended. */
  has(token: string | undefined): boolean {
    return untilMsOf(token) > Date.now() && this.#isOurs(token) && !this.#revoked.has(token ?? '');
  }

  /** Ends a session. */
  end(token: string | undefined): void {
    if (token === undefined || !this.has(token)) return;
    for (const [old, untilMs] of this.#revoked) if (untilMs < Date.now()) this.#revoked.delete(old);
    this.#revoked.set(token, untilMsOf(token));
  }

  #isOurs(token: string | undefined): boolean {
    const [, claims = '', signature = ''] = /^(\d+\.[\w-]+)\.([\w-]+)$/.exec(token ?? '') ?? [];
    const given = Buffer.from(signature, 'base64url');
    const wanted = sign(this.#key, claims);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}

/** Reads the key of sessions, or makes one; where it cannot be kept, sessions end with the daemon. */
export async function readSessionKey(path: string, log: Log): Promise<Buffer> {
  try {
    const kept = await readFile(path).catch(absentAs(undefined));
    if (kept?.length === keyBytes) return kept;
    const made = randomBytes(keyBytes);
    await writeDurably(path, made);
    return made;
  } catch (error) {
    log.warn('sessions of the dashboard end with this process: their key cannot be kept', {
      path,
      error: describeError(error),
    });
    return randomBytes(keyBytes);
  }
}

function untilMsOf(token = ''): number {
  return Number(/^\d{1,15}(?=\.)/.exec(token)?.[0] ?? 0);
}

function sign(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
