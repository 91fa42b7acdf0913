import type { Middleware } from 'koa';
import { BadRequestError, ProviderError } from './provider-errors.ts';

// DELETE /system/functions has a body too.
const methodsWithBody = ['POST', 'PUT', 'DELETE'];

/** Makes the middleware that parses bodies as JSON whatever their Content-Type: Go's handlers never look at it, and curl sends a form's. */
export function jsonBody(limitBytes: number): Middleware {
  let parser: Promise<Middleware> | undefined;
  return async (ctx, next) => {
    ctx.req.headers['content-type'] = 'application/json';
    const hasBody = methodsWithBody.includes(ctx.method);
    const parse = hasBody ? await (parser ??= bodyParser(limitBytes)) : undefined;
    const withBody = () => {
      ctx.request.body ??= {};
      return next();
    };
    await (parse ? parse(ctx, withBody) : withBody());
  };
}

/** Loaded with the first body, as calls and lists have none: it brings parsers of forms, which take 2.5 MB. */
async function bodyParser(limitBytes: number): Promise<Middleware> {
  const { HttpMethodEnum, koaBody } = await import('koa-body');
  return koaBody({
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
