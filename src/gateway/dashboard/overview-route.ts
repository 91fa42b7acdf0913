import { once } from 'node:events';
import { EventStream, type Route } from '../../provider/index.ts';
import type { OverviewFeed } from './overview-feed.ts';

/** Makes GET /system/overview: JSON, or an event stream for who asks for one. */
export function overviewRoute(feed: OverviewFeed): Route {
  return {
    method: 'GET',
    path: '/system/overview',
    async handler(ctx) {
      ctx.vary('Accept');
      ctx.set('Cache-Control', 'no-store');
      const isStream = ctx.method === 'GET' && ctx.accepts('json', 'text/event-stream') === 'text/event-stream';
      if (!isStream) {
        ctx.body = await feed.read();
        return;
      }
      const { signal } = ctx.state;
      const stream = new EventStream(ctx);
      await feed.follow((event) => stream.send(event), signal);
      if (!signal.aborted) await once(signal, 'abort');
    },
  };
}
