import type { Context, Middleware } from 'koa';
import { ProviderError } from './provider-errors.ts';

/**
 * Makes the check that keeps web pages away from what asks for the password: a browser sends one that it knows by itself,
 * and every function's page has our own origin. Browsers say of a request whether a page made it
 * (https://www.w3.org/TR/fetch-metadata/), over plain HTTP to another host than localhost only by `Origin`.
 * @param origins whose pages may; they are given what lets them read the answers
 * @returns a function that throws ProviderError (403) for a request of any other page
 */
export function pageGuard(origins: readonly string[] = []): (ctx: Context) => void {
  return (ctx) => {
    const origin = ctx.get('Origin');
    const site = ctx.get('Sec-Fetch-Site');
    if (origins.includes(origin)) admit(ctx, origin);
    else if (site ? site !== 'none' : origin) throw new ProviderError(403, refusal);
  };
}

const refusal =
  "no web page may use the API: open its address in a tab of its own, or have the page's origin named in the setting ui_origin";

/**
 * Makes the middleware that answers what a browser asks before it sends a request of one of these origins' pages, and tells
 * caches that answers are for one origin.
 */
export function answerPreflights(origins: readonly string[] = []): Middleware {
  return (ctx, next) => {
    if (origins.length > 0) ctx.vary('Origin');
    const origin = ctx.get('Origin');
    const isPreflight = ctx.method === 'OPTIONS' && ctx.get('Access-Control-Request-Method') !== '';
    if (!isPreflight || !origins.includes(origin)) return next();
    admit(ctx, origin);
    ctx.set('Access-Control-Allow-Methods', 'GET, POST, PUT, DELETE');
    ctx.set('Access-Control-Allow-Headers', 'Authorization, Content-Type');
    ctx.status = 204;
    return Promise.resolve();
  };
}

/** Lets the page read the answer: https://fetch.spec.whatwg.org/#http-cors-protocol */
function admit(ctx: Context, origin: string): void {
  ctx.set({ 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' });
}
