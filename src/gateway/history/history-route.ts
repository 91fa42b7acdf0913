import { BadRequestError, lastOf, parseFunctionPath, type Provider, type Route } from '../../provider/index.ts';
import type { CallHistory } from './call-history.ts';

/** Makes GET /system/function/NAME/history?namespace=&span=hour or day. */
export function historyRoute(provider: Provider, history: CallHistory): Route {
  return {
    method: 'GET',
    path: '/system/function/:name/history',
    async handler(ctx) {
      const fn = parseFunctionPath(ctx);
      const span = lastOf(ctx, 'span') ?? 'hour';
      if (span !== 'hour' && span !== 'day') throw new BadRequestError('span must be hour or day');
      // Throws where there is none of this name.
      await provider.status(fn, { usage: false });
      ctx.body = await history.view(fn, span);
    },
  };
}
