import {
  BadRequestError,
  lastOf,
  parseFullName,
  parseNamespaceQuery,
  ProviderError,
  quote,
  type FaaSContext,
  type FunctionName,
  type Handler,
  type Route,
} from '../../provider/index.ts';
import { callView, type CallView, type FunctionCounts } from './call-view.ts';
import type { CallState, ListOptions, Queue } from './queue.ts';
import type { Schedules } from './schedules.ts';

export interface AsyncRoutesOptions {
  queue: Pick<Queue, 'get' | 'cancel' | 'replay' | 'list' | 'counts'>;
  schedules: Pick<Schedules, 'list'>;
  /** Ends the attempt of a call that is running. */
  abort: (id: string) => void;
}

/** What GET /system/async answers. */
export interface AsyncList {
  /** The calls of each function that has any. */
  functions: FunctionCounts[];
  /** Newest first. */
  calls: CallView[];
}

const states: readonly (CallState | 'dead')[] = ['queued', 'running', 'done', 'failed', 'cancelled', 'dead'];
const usualCalls = 100;
const mostCalls = 1000;

/** Makes the routes that say what became of calls, and change it; all ask for the password. */
export function asyncRoutes({ queue, schedules, abort }: AsyncRoutesOptions): Route[] {
  const route = (method: Route['method'], path: string, handler: Handler): Route => {
    return { method, path, handler, rawBody: true };
  };
  return [
    route('GET', '/async-function/:id', async (ctx) => {
      const call = await queue.get(idOf(ctx));
      if (!call) throw notFound(idOf(ctx));
      ctx.body = callView(call);
    }),
    route('DELETE', '/async-function/:id', async (ctx) => {
      const id = idOf(ctx);
      const state = await queue.cancel(id);
      if (state === undefined) throw notFound(id);
      if (state === 'done' || state === 'failed') throw new ProviderError(409, `call ${id} has ended: it is ${state}`);
      if (state === 'running') abort(id);
      accepted(ctx, id);
    }),
    route('GET', '/system/async', async (ctx) => {
      const asked = listOptions(ctx);
      const [counts, calls] = await Promise.all([queue.counts(), queue.list(asked)]);
      const functions = [...counts].flatMap(([key, counted]) => {
        const fn = parseFullName(key, ctx.state.defaultNamespace);
        return fn && concerns(fn, asked.fn) ? [{ ...fn, ...counted }] : [];
      });
      ctx.body = { functions, calls: calls.map(callView) } satisfies AsyncList;
    }),
    route('GET', '/system/schedules', (ctx) => {
      ctx.body = schedules.list();
      return Promise.resolve();
    }),
    route('POST', '/system/async/:id/replay', async (ctx) => {
      const id = idOf(ctx);
      const isReplayed = await queue.replay(id);
      if (isReplayed === undefined) throw notFound(id);
      if (!isReplayed) throw new ProviderError(409, `call ${id} is not dead: only calls that failed are replayed`);
      accepted(ctx, id);
    }),
  ];
}

function idOf({ params }: FaaSContext): string {
  return params.id ?? '';
}

function notFound(id: string): ProviderError {
  return new ProviderError(404, `no call ${quote(id)}: it was never made, or ended longer ago than async_retention`);
}

function accepted(ctx: FaaSContext, id: string): void {
  ctx.status = 202;
  ctx.body = '';
  ctx.set('X-Call-Id', id);
}

/** Reads ?function=NAME[.NAMESPACE]&namespace=&state=&limit=&before= */
function listOptions(ctx: FaaSContext): ListOptions {
  const state = states.find((each) => each === lastOf(ctx, 'state'));
  if (lastOf(ctx, 'state') && !state) throw new BadRequestError(`state is one of ${states.join(', ')}`);
  const limit = lastOf(ctx, 'limit') ?? String(usualCalls);
  if (!/^[1-9]\d{0,3}$/.test(limit) || Number(limit) > mostCalls)
    throw new BadRequestError(`limit must be a whole number from 1 to ${mostCalls}`);
  return { fn: functionOf(ctx), state, limit: Number(limit), before: lastOf(ctx, 'before') };
}

function functionOf(ctx: FaaSContext): FunctionName | undefined {
  const name = lastOf(ctx, 'function');
  if (!name) return undefined;
  const fn = parseFullName(name, parseNamespaceQuery(ctx));
  if (!fn) throw new BadRequestError(`function ${quote(name)} is no name: write NAME or NAME.NAMESPACE`);
  return fn;
}

function concerns(fn: FunctionName, asked: FunctionName | undefined): boolean {
  return asked === undefined || (fn.name === asked.name && fn.namespace === asked.namespace);
}
