import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { answerPlain } from '../../base/plain-line.ts';
import { ProviderError, type RawHandler } from '../../provider/index.ts';
import type { Sessions } from './sessions.ts';

/** Carries the token of a session. No page of another origin can send it, and no browser sends it by itself. */
export const sessionHeader = 'X-Berth-Session';

const unknown = 'no such session, or it has ended: log in at /ui/';

/** Who is let in at the dashboard's own port. */
export class Admission {
  readonly sessions: Sessions;
  /** Nothing asks for a password. */
  readonly #isOpen: boolean;

  constructor(sessions: Sessions, isOpen: boolean) {
    this.sessions = sessions;
    this.#isOpen = isOpen;
  }

  /** @throws ProviderError 403 for a page of another origin, 401 without a session */
  admit(ctx: Context): void {
    this.refuseOthers(ctx);
    if (!this.#has(ctx.req)) throw new ProviderError(401, unknown);
    ctx.set('Cache-Control', 'no-store');
  }

  /** @throws ProviderError 403 for a request that a page of another origin made */
  refuseOthers({ req }: Context): void {
    if (!isOwn(req)) throw new ProviderError(403, otherPage);
  }

  /** Returns the handler for those who have a session; it is not told of it. */
  guarded(handler: RawHandler): RawHandler {
    return {
      forwardsExpect: handler.forwardsExpect,
      web: (req, res) => {
        if (!isOwn(req)) return answerPlain(req, res, { status: 403, message: otherPage });
        if (!this.#has(req)) return answerPlain(req, res, { status: 401, message: unknown });
        forgetSession(req);
        return handler.web(req, res);
      },
    };
  }

  #has({ headers }: IncomingMessage): boolean {
    const token = headers[sessionHeader.toLowerCase()];
    return this.#isOpen || this.sessions.has(typeof token === 'string' ? token : undefined);
  }
}

const otherPage = "only berth's own page may ask here";

/** Whether no page of another origin made the request: https://www.w3.org/TR/fetch-metadata/ */
function isOwn({ headers }: IncomingMessage): boolean {
  const { origin, host = '' } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  return origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
}

/** Takes the token out, so that no function is told it. */
function forgetSession({ headers, rawHeaders }: IncomingMessage): void {
  delete headers[sessionHeader.toLowerCase()];
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (rawHeaders[at]?.toLowerCase() === sessionHeader.toLowerCase()) rawHeaders.splice(at, 2);
}
