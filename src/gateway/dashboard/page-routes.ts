import type { Context } from 'koa';
import {
  BadRequestError,
  passwordCheck,
  ProviderError,
  type BasicAuthCredentials,
  type FaaSContext,
  type Route,
} from '../../provider/index.ts';
import type { Asset } from './assets.ts';
import { sessionHeader, type Admission } from './admission.ts';
import type { SessionQuestion } from './wire.ts';

const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Makes the routes of the page's files, which anybody may have: nothing of this host is in them. */
export function assetRoutes(assets: ReadonlyMap<string, Asset>): Route[] {
  const handler = (ctx: FaaSContext): Promise<void> => {
    const asset = assets.get(ctx.path.replace(/^\/ui\//, ''));
    if (!asset) return Promise.reject(new ProviderError(404, 'not here: the page is at /ui/'));
    ctx.set({ 'Content-Security-Policy': policy, 'Referrer-Policy': 'no-referrer', 'X-Frame-Options': 'DENY' });
    ctx.set({ 'X-Content-Type-Options': 'nosniff', 'Cross-Origin-Resource-Policy': 'same-origin' });
    ctx.set({ 'Cache-Control': 'no-cache', ETag: asset.etag });
    ctx.vary('Accept-Encoding');
    const isPacked = ctx.acceptsEncodings('gzip', 'identity') === 'gzip';
    if (isPacked) ctx.set('Content-Encoding', 'gzip');
    ctx.type = asset.type;
    ctx.body = isPacked ? asset.packed : asset.body;
    if (ctx.fresh) ctx.status = 304;
    return Promise.resolve();
  };
  const toPage = (ctx: FaaSContext): Promise<void> => {
    if (ctx.path === '/ui/') return handler(ctx);
    ctx.redirect('/ui/');
    return Promise.resolve();
  };
  return [
    { method: 'GET', path: '/', open: true, handler: toPage },
    { method: 'GET', path: '/ui', open: true, handler: toPage },
    { method: 'GET', path: '/ui/*file', open: true, handler },
  ];
}

/** Makes the routes that say whether a password is asked for, and that begin and end a session. */
export function sessionRoutes(admission: Admission, credentials: BasicAuthCredentials | undefined): Route[] {
  const check = credentials ? passwordCheck(credentials) : () => {};
  return [
    {
      method: 'GET',
      path: '/ui/session',
      open: true,
      handler(ctx) {
        ctx.set('Cache-Control', 'no-store');
        ctx.body = { asksPassword: !admission.isOpen } satisfies SessionQuestion;
        return Promise.resolve();
      },
    },
    {
      method: 'POST',
      path: '/ui/session',
      open: true,
      handler(ctx) {
        admission.refuseOthers(ctx);
        check(ctx.ip, givenIn(ctx));
        ctx.set('Cache-Control', 'no-store');
        ctx.body = admission.sessions.begin();
        return Promise.resolve();
      },
    },
    {
      method: 'DELETE',
      path: '/ui/session',
      async handler(ctx) {
        await admission.sessions.end(tokenOf(ctx));
        ctx.status = 204;
      },
    },
  ];
}

function tokenOf(ctx: Context): string | undefined {
  return ctx.get(sessionHeader) || undefined;
}

function givenIn(ctx: FaaSContext): BasicAuthCredentials {
  const { user, password } = (ctx.request.body ?? {}) as Partial<Record<string, unknown>>;
  if (typeof user !== 'string' || typeof password !== 'string')
    throw new BadRequestError('send {"user": …, "password": …} in JSON');
  return { user, password };
}
