import { HttpMethodEnum, koaBody } from 'koa-body';
import type { Middleware } from 'koa';
import { BadRequestError, ProviderError } from './provider-errors.ts';

/** Makes the middleware that parses bodies as JSON whatever their Content-Type: Go's handlers never look at it, and curl sends a form's. */
export function jsonBody(limitBytes: number): Middleware {
  const parse = koaBody({
    // DELETE /system/functions has a body too.
    parsedMethods: [HttpMethodEnum.POST, HttpMethodEnum.PUT, HttpMethodEnum.DELETE],
    jsonTypes: ['*/*'],
    jsonLimit: limitBytes,
    multipart: false,
    urlencoded: false,
    text: false,
    onError: (error) => {
      throw bodyError(error, limitBytes);
    },
  });
  return async (ctx, next) => {
    ctx.req.headers['content-type'] = 'application/json';
    await parse(ctx, () => {
      ctx.request.body ??= {};
      return next();
    });
  };
}

/** Says what is wrong with a body without the message of the JSON error, which quotes the body, maybe a secret. */
function bodyError(error: Error & { status?: number }, limitBytes: number): ProviderError {
  if (error.status === 413) {
    return new ProviderError(413, `the body is larger than the limit of ${limitBytes} bytes`, { cause: error });
  }
  if (error.status === 415)
    return new ProviderError(415, 'the Content-Encoding of the body is not known', { cause: error });
  return new BadRequestError('the body is not a JSON object', { cause: error });
}
