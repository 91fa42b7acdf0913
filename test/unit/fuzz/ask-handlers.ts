import { silentLog } from '../../../src/base/log.ts';
import { AlertHolds } from '../../../src/gateway/scaling/alert-holds.ts';
import { alertHandler } from '../../../src/gateway/scaling/alert.ts';
import { handlersFor, ProviderError, type FaaSContext, type Provider } from '../../../src/provider/index.ts';
import type { ApiRequest } from './api-texts.ts';

const defaultNamespace = 'openfaas-fn';

/** Returns what asks a provider's handlers, past HTTP, and resolves with the status of the answer. */
export function handlerAsker(provider: Provider): (request: ApiRequest) => Promise<number> {
  const all = handlersFor(provider);
  const alert = alertHandler({ provider, holds: new AlertHolds(), defaultNamespace, log: silentLog });
  return async (request) => {
    const handler = request.handler === 'alert' ? alert : all[request.handler];
    if (!handler) throw new Error(`no handler ${request.handler}`);
    const ctx = contextOf(request);
    try {
      await handler(ctx);
      return ctx.status;
    } catch (error) {
      if (error instanceof ProviderError) return error.status;
      throw error;
    }
  };
}

function contextOf({ method, body, query, name }: ApiRequest): FaaSContext {
  return {
    method,
    querystring: new URLSearchParams(query).toString(),
    params: { name },
    state: { defaultNamespace, signal: new AbortController().signal },
    request: { body: JSON.parse(JSON.stringify(body)) as unknown },
    res: { write: () => true, end() {} },
    flushHeaders() {},
  } as unknown as FaaSContext;
}
