import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { absentAs } from '../../base/absent-file.ts';
import { writeDurably } from '../../base/durable-file.ts';
import { describeError, type Log } from '../../base/log.ts';
import { parseJson } from '../../base/parse-json.ts';
import { readPlainFile } from '../../base/read-plain-file.ts';
import type { BasicAuthCredentials } from '../../provider/index.ts';
import type { SessionView } from './wire.ts';

/** How long a session lasts. */
const sessionMs = 12 * 3600 * 1000;
const keyBytes = 32;

const form = z.object({
  /** Base64. */
  key: z.string().refine((text) => Buffer.from(text, 'base64').length === keyBytes),
  /** Ids of sessions that were logged out, and when they would have ended by themselves. */
  loggedOut: z.record(z.string(), z.number()),
});

export interface SessionsOptions {
  /** File of what outlives the process. */
  path: string;
  /** Whose sessions they are; absent: anybody's. */
  credentials?: BasicAuthCredentials;
  log: Log;
}

/**
 * Sessions of the dashboard. A token says until when it holds and is signed, so that sessions outlive the daemon; the key is
 * made of a file's and of the password, so that a new password ends all of them.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #key: Buffer;
  readonly #signingKey: Buffer;
  readonly #loggedOut: Map<string, number>;
  #written: Promise<void> = Promise.resolve();

  private constructor(options: SessionsOptions, key: Buffer, loggedOut: Map<string, number>) {
    const { user = '', password = '' } = options.credentials ?? {};
    this.#options = options;
    this.#key = key;
    this.#signingKey = sign(key, JSON.stringify([user, password]));
    this.#loggedOut = loggedOut;
  }

  /** Goes on with the sessions of earlier processes. Where their file cannot be read or kept, sessions end with the process. */
  static async open(options: SessionsOptions): Promise<Sessions> {
    const { path, log } = options;
    try {
      const kept = form.safeParse(parseJson(await readPlainFile(path).catch(absentAs('')))).data;
      if (kept) return new Sessions(options, Buffer.from(kept.key, 'base64'), new Map(Object.entries(kept.loggedOut)));
    } catch (error) {
      log.warn('all sessions of the dashboard have ended: their file cannot be read', {
        path,
        error: describeError(error),
      });
    }
    const sessions = new Sessions(options, randomBytes(keyBytes), new Map());
    await sessions.#write();
    return sessions;
  }

  /** Begins a session. */
  begin(): SessionView {
    const untilMs = Date.now() + sessionMs;
    const claims = `${untilMs}.${randomBytes(16).toString('base64url')}`;
    const token = `${claims}.${sign(this.#signingKey, claims).toString('base64url')}`;
    return { token, expiresAt: new Date(untilMs).toISOString() };
  }

  /** Whether the token is of a session that has not ended. */
  has(token: string | undefined): boolean {
    return this.#read(token) !== undefined;
  }

  /** Ends a session, also for processes to come. */
  async end(token: string | undefined): Promise<void> {
    const session = this.#read(token);
    if (!session) return;
    for (const [id, untilMs] of this.#loggedOut) if (untilMs < Date.now()) this.#loggedOut.delete(id);
    this.#loggedOut.set(session.id, session.untilMs);
    // One behind the other, so that the newest stays.
    this.#written = this.#written.then(() => this.#write());
    await this.#written;
  }

  #read(token = ''): { id: string; untilMs: number } | undefined {
    const [, claims = '', until, id = '', signature = ''] = /^((\d{1,15})\.([\w-]+))\.([\w-]+)$/.exec(token) ?? [];
    const [given, wanted] = [Buffer.from(signature, 'base64url'), sign(this.#signingKey, claims)];
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
    const untilMs = Number(until);
    // By its id: a signature can be spelled in several ways.
    return untilMs > Date.now() && !this.#loggedOut.has(id) ? { id, untilMs } : undefined;
  }

  async #write(): Promise<void> {
    const { path, log } = this.#options;
    const kept: z.infer<typeof form> = {
      key: this.#key.toString('base64'),
      loggedOut: Object.fromEntries(this.#loggedOut),
    };
    await writeDurably(path, JSON.stringify(kept)).catch((error: unknown) =>
      log.warn(
        'sessions of the dashboard cannot be kept: they end with this process, and what was logged out may come back',
        {
          path,
          error: describeError(error),
        },
      ),
    );
  }
}

function sign(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
