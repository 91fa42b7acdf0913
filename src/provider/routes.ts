import Router from '@koa/router';
import type { Registry } from '@prometheus-io/client';
import Koa, { type Context, type Middleware, type Next } from 'koa';
import type { Log } from '../base/log.ts';
import { answerErrors } from './answer-errors.ts';
import { basicAuth, type BasicAuthCredentials } from './basic-auth.ts';
import type { FaaSConfig } from './faas-config.ts';
import { NotImplementedError } from './provider-errors.ts';
import type { FaaSContext, FaaSHandlers, FaaSState, Handler } from './handlers.ts';
import { jsonBody } from './json-body.ts';
import { answerPreflights, pageGuard } from './page-guard.ts';
import { metricsHandler, requestMetrics } from './request-metrics.ts';

type HandlerName = keyof Omit<FaaSHandlers, 'functionProxy' | 'asyncFunction'>;

const methods = ['GET', 'POST', 'PUT', 'DELETE'] as const;

/** One method of one path, and what answers it. */
export interface Route {
  method: (typeof methods)[number];
  /** In @koa/router's spelling. GET answers HEAD too; a trailing slash makes no difference. */
  path: string;
  handler: Handler;
  /** Served without a password, and to pages of any origin. */
  open?: boolean;
  /** The handler is given the body unread, whatever it is. */
  rawBody?: boolean;
}

/** Lists every route of the contract that passes through Koa. */
export function faasRoutes(handlers: FaaSHandlers, registry: Registry): Route[] {
  const route = (method: Route['method'], path: string, name: HandlerName): Route => {
    const handler = handlers[name] ?? (() => Promise.reject(new NotImplementedError(name)));
    return { method, path, handler };
  };
  return [
    route('GET', '/system/functions', 'functionLister'),
    route('POST', '/system/functions', 'deployFunction'),
    route('PUT', '/system/functions', 'updateFunction'),
    route('DELETE', '/system/functions', 'deleteFunction'),
    route('GET', '/system/function/:name', 'functionStatus'),
    route('POST', '/system/scale-function/:name', 'scaleFunction'),
    route('POST', '/system/rollback-function/:name', 'rollBackFunction'),
    route('POST', '/system/restart-function/:name', 'restartFunction'),
    route('GET', '/system/function/:name/replicas', 'functionReplicas'),
    route('GET', '/system/pulls', 'pulls'),
    route('GET', '/system/host', 'host'),
    ...methods.map((method) => route(method, '/system/secrets', 'secrets')),
    route('GET', '/system/logs', 'logs'),
    route('GET', '/system/namespaces', 'listNamespaces'),
    // faas-cli creates with POST /system/namespace/, the name only in the body.
    ...methods.map((method) => route(method, '/system/namespace{/:name}', 'mutateNamespace')),
    // The spelling of OpenFaaS's documentation.
    route('POST', '/system/namespaces', 'mutateNamespace'),
    ...methods.map((method) => route(method, '/system/namespaces/:name', 'mutateNamespace')),
    route('GET', '/system/info', 'info'),
    route('GET', '/system/telemetry', 'telemetry'),
    { ...route('GET', '/healthz', 'health'), open: true },
    { method: 'GET', path: '/metrics', handler: metricsHandler(registry) },
  ];
}

export interface AppOptions {
  config: Pick<FaaSConfig, 'bodyLimitBytes' | 'defaultNamespace' | 'uiOrigins' | 'trustedProxies'>;
  /** Absent: nothing asks for a password. */
  credentials?: BasicAuthCredentials;
  /** Says who is let in to what is not open, by throwing ProviderError; the password and `uiOrigins` do where it is absent. */
  admit?: (ctx: Context) => void;
  registry: Registry;
  log: Log;
  /** Aborts when the server closes. */
  closing: AbortSignal;
}

/** Makes the Koa application that answers every route but invocations. */
export function createApp(routes: Route[], options: AppOptions): Koa {
  const { config, credentials, registry, log, closing } = options;
  const authenticate = options.admit ?? passwordOrPage(config.uiOrigins, credentials);
  const parseBody = jsonBody(config.bodyLimitBytes);
  const measure = requestMetrics(registry);

  const router = new Router<FaaSState>({ sensitive: true });
  for (const { method, path, handler, open = false, rawBody = false } of routes) {
    const label = path.replace(/\{?\/:.*$/, '');
    const enter = async (ctx: FaaSContext, next: Next) => {
      if (label.startsWith('/system/')) measure(ctx, label);
      if (!open) authenticate(ctx);
      await next();
    };
    router.register(path, [method], rawBody ? [enter, handler] : [enter, parseBody, handler]);
  }

  const app = new Koa();
  app.on('error', (error: unknown) => log.error('answer broke off', { error }));
  app.use(answerErrors(log));
  app.use(withState(config, closing));
  app.use(answerPreflights(config.uiOrigins));
  app.use(router.routes());
  // Nobody learns without a password which paths there are.
  app.use(async (ctx, next) => {
    authenticate(ctx);
    await next();
  });
  app.use(router.allowedMethods());
  return app;
}

/** Lets in who has the password, and no page but those of these origins. */
function passwordOrPage(origins: string[] = [], credentials?: BasicAuthCredentials): (ctx: Context) => void {
  const admitPage = pageGuard(origins);
  const askPassword = credentials ? basicAuth(credentials) : () => {};
  return (ctx) => {
    admitPage(ctx);
    askPassword(ctx);
  };
}

/** Gives each context its FaaSState, and the address of its caller. */
function withState({ defaultNamespace, trustedProxies }: AppOptions['config'], closing: AbortSignal): Middleware {
  return (ctx, next) => {
    if (trustedProxies) ctx.request.ip = trustedProxies.forwarded(ctx.req).address;
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    closing.addEventListener('abort', leave);
    ctx.res.once('close', () => {
      closing.removeEventListener('abort', leave);
      leave();
    });
    Object.assign(ctx.state, { signal: leaving.signal, defaultNamespace } satisfies FaaSState);
    return next();
  };
}
