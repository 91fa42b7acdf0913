import {
  EventStream,
  lastOf,
  parseFullName,
  BadRequestError,
  quote,
  type EventSource,
  type FaaSContext,
  type Route,
  type SystemEvent,
} from '../provider/index.ts';

/**
 * Makes the route that tells what happens: a stream of server-sent events, the recent ones first, each with its id; who names the
 * last that it has had in `Last-Event-ID` is given those behind it. Who accepts JSON alone is given the recent ones as a list.
 */
export function eventsRoute(source: EventSource): Route {
  return {
    method: 'GET',
    path: '/system/events',
    handler(ctx) {
      const isAskedFor = filterOf(ctx);
      const recent = behind(source.recent(), ctx.get('Last-Event-ID')).filter(isAskedFor);
      if (ctx.method === 'HEAD' || ctx.accepts('text/event-stream', 'application/json') === 'application/json')
        ctx.body = recent;
      else stream(ctx, source, recent, isAskedFor);
      return Promise.resolve();
    },
  };
}

function stream(
  ctx: FaaSContext,
  source: EventSource,
  recent: SystemEvent[],
  isAskedFor: (event: SystemEvent) => boolean,
): void {
  const events = new EventStream(ctx);
  const send = (event: SystemEvent) => events.send({ id: event.id, data: event });
  recent.forEach(send);
  const end = source.follow((event) => {
    if (isAskedFor(event)) send(event);
  });
  ctx.state.signal.addEventListener('abort', end, { once: true });
}

/** Returns the events behind that with the id; all where there is none. */
function behind(events: SystemEvent[], id: string): SystemEvent[] {
  const at = id === '' ? -1 : events.findIndex((event) => event.id === id);
  return events.slice(at + 1);
}

/** Reads ?function=NAME[.NAMESPACE]&namespace= */
function filterOf(ctx: FaaSContext): (event: SystemEvent) => boolean {
  const namespace = lastOf(ctx, 'namespace');
  const given = lastOf(ctx, 'function');
  const fn = given ? parseFullName(given, namespace || ctx.state.defaultNamespace) : undefined;
  if (given && !fn) throw new BadRequestError(`function ${quote(given)} is no name: write NAME or NAME.NAMESPACE`);
  if (fn) return (event) => event.name === fn.name && event.namespace === fn.namespace;
  return (event) => !namespace || event.namespace === namespace;
}
