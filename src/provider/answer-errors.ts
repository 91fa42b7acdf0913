import type { Context, Middleware } from 'koa';
import type { Log } from '../base/log.ts';
import { plainHeaders, plainLine, type PlainAnswer } from '../base/plain-line.ts';
import { ProviderError } from './provider-errors.ts';

/** Makes the middleware that answers errors, each as one plain line. What is not meant for the caller is logged and hidden. */
export function answerErrors(log: Log): Middleware {
  return async (ctx, next) => {
    try {
      await next();
      if (ctx.status >= 400 && ctx.body == null && ctx.respond !== false) sayLine(ctx, ctx.status, ctx.message);
    } catch (error) {
      answerError(ctx, error, log);
    }
  };
}

function answerError(ctx: Context, error: unknown, log: Log): void {
  const { method, path } = ctx;
  const shown = exposed(error);
  if (shown.status === 500) log.error('request failed', { method, path, error });
  // 501 is an answer like any other; 502 to 504 say that something behind us failed.
  else if (shown.status > 501) log.warn('request failed', { method, path, status: shown.status, error });
  if (ctx.headerSent) {
    ctx.res.destroy();
    return;
  }
  ctx.respond = true;
  ctx.set(shown.headers ?? {});
  sayLine(ctx, shown.status, shown.message);
}

function sayLine(ctx: Context, status: number, message: string): void {
  const line = plainLine(message);
  ctx.status = status;
  ctx.set(plainHeaders(line));
  ctx.body = line;
}

/** Returns what the caller may read: our own errors, and those of `ctx.throw` below 500. */
function exposed(error: unknown): PlainAnswer {
  if (error instanceof ProviderError) return error;
  if (error instanceof Error && 'expose' in error && error.expose === true && 'status' in error) {
    return { status: Number(error.status), message: error.message };
  }
  return { status: 500, message: 'internal error' };
}
