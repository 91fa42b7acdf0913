import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { answerPlain } from '../../base/plain-line.ts';
import { originOf, ProviderError, type RawHandler, type TrustedProxies } from '../../provider/index.ts';
import { makeInert } from './inert-answer.ts';
import type { Sessions } from './sessions.ts';

/** Carries the token of a session. No page of another origin can send it, and no browser sends it by itself. */
export const sessionHeader = 'X-Berth-Session';

const unknown = 'no such session, or it has ended: log in at /ui/';
const otherPage = "only berth's own page may ask here";

export interface AdmissionOptions {
  sessions: Sessions;
  /** Nothing asks for a password. */
  isOpen: boolean;
  /** Whose word counts on which host was asked. */
  trustedProxies?: TrustedProxies;
}

/** Who is let in at the dashboard's own port. */
export class Admission {
  readonly sessions: Sessions;
  readonly isOpen: boolean;
  readonly #trustedProxies?: TrustedProxies;

  constructor({ sessions, isOpen, trustedProxies }: AdmissionOptions) {
    this.sessions = sessions;
    this.isOpen = isOpen;
    this.#trustedProxies = trustedProxies;
  }

  /** @throws ProviderError 403 for a page of another origin, 401 without a session */
  admit(ctx: Context): void {
    this.refuseOthers(ctx);
    if (!this.#has(ctx.req)) throw new ProviderError(401, unknown);
    ctx.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  }

  /** @throws ProviderError 403 for a request that a page of another origin made */
  refuseOthers({ req }: Context): void {
    if (!this.#isOwn(req)) throw new ProviderError(403, otherPage);
  }

  /** Returns the handler of calls for those who have a session. The function is not told of it, and its answer is data alone. */
  guarded(handler: RawHandler): RawHandler {
    return {
      forwardsExpect: handler.forwardsExpect,
      web: (req, res) => {
        if (!this.#isOwn(req)) return answerPlain(req, res, { status: 403, message: otherPage });
        if (!this.#has(req)) return answerPlain(req, res, { status: 401, message: unknown });
        forgetSession(req);
        makeInert(res);
        return handler.web(req, res);
      },
    };
  }

  #has({ headers }: IncomingMessage): boolean {
    const token = headers[sessionHeader.toLowerCase()];
    return this.isOpen || this.sessions.has(typeof token === 'string' ? token : undefined);
  }

  /** Whether no page of another origin made the request: https://www.w3.org/TR/fetch-metadata/ */
  #isOwn(req: IncomingMessage): boolean {
    const { origin } = req.headers;
    const site = req.headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
    if (origin === undefined) return true;
    const { host } = originOf(req, this.#trustedProxies);
    // A proxy in front may be the one that speaks HTTPS.
    return [`http://${host}`, `https://${host}`].includes(origin);
  }
}

/** Takes the token out, so that no function is told it. */
function forgetSession({ headers, rawHeaders }: IncomingMessage): void {
  delete headers[sessionHeader.toLowerCase()];
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (rawHeaders[at]?.toLowerCase() === sessionHeader.toLowerCase()) rawHeaders.splice(at, 2);
}
