import { defaultConfig, type FaaSConfig } from './faas-config.ts';
import {
  BadRequestError,
  FunctionNotFoundError,
  NamespaceNotFoundError,
  NoEndpointsError,
  NotImplementedError,
} from './provider-errors.ts';
import type { FaaSContext, FaaSHandlers, Handler } from './handlers.ts';
import {
  parseDeployment,
  parseFunctionName,
  parseLogRequest,
  parseNamespace,
  parseNamespaceName,
  parseNamespaceQuery,
  parseScale,
  parseSecret,
  parseSecretName,
  parseStatusRequest,
  type Query,
} from './parse.ts';
import type { NamespaceVerbs, Provider, SecretVerbs } from './provider.ts';
import { functionProxy, type FunctionProxyOptions, type Resolve } from './proxy/index.ts';
import { streamLogs } from './stream-logs.ts';
import type { FunctionStatus } from './types.ts';

/** How functions are called; what `FaaSConfig` has is taken from there. */
export interface HandlersOptions extends Omit<
  FunctionProxyOptions,
  'defaultNamespace' | 'maxIdleConns' | 'maxIdleConnsPerHost'
> {
  /** Finds the endpoint of a call; the provider's `resolve` unless given, an unknown function being one without endpoints. */
  resolve?: Resolve;
}

/**
 * The HTTP handlers of a provider, with the status codes that faas-cli and an OpenFaaS gateway in front want; a verb the
 * provider lacks answers 501, a call of a function that is unknown 503 as one without endpoints.
 * Source of the codes: https://github.com/openfaas/faas-cli/tree/master/proxy,
 * https://github.com/openfaas/faas-provider/blob/master/proxy/proxy.go
 */
export function handlersFor(
  provider: Provider,
  config: FaaSConfig = defaultConfig,
  { resolve = resolveOf(provider), ...options }: HandlersOptions = {},
): FaaSHandlers {
  const { defaultNamespace, maxIdleConns, maxIdleConnsPerHost } = config;
  const queryOf = (ctx: FaaSContext): Query => ({ query: new URLSearchParams(ctx.querystring), defaultNamespace });
  const { secrets, namespaces } = provider;

  return {
    functionProxy: functionProxy(resolve, { ...options, defaultNamespace, maxIdleConns, maxIdleConnsPerHost }),
    async functionLister(ctx) {
      const functions = await provider.list(parseNamespaceQuery(queryOf(ctx)));
      answer(ctx, 200, functions.map(statusOnWire));
    },
    async deployFunction(ctx) {
      const deployment = parseDeployment(ctx.request.body, queryOf(ctx));
      await provider.deploy(deployment).catch(blameCallerForNamespace);
      // 200 would make faas-cli say that the function was there before.
      answer(ctx, 202);
    },
    async updateFunction(ctx) {
      const deployment = parseDeployment(ctx.request.body, queryOf(ctx));
      const outcome = await provider.update(deployment).catch(blameCallerForNamespace);
      answer(ctx, outcome === 'ready' ? 200 : 202);
    },
    async deleteFunction(ctx) {
      await provider.remove(parseFunctionName(ctx.request.body, queryOf(ctx)));
      answer(ctx, 202);
    },
    async functionStatus(ctx) {
      const { usage, ...name } = parseStatusRequest(ctx.params.name, queryOf(ctx));
      answer(ctx, 200, statusOnWire(await provider.status(name, { usage })));
    },
    async scaleFunction(ctx) {
      const { replicas, ...name } = parseScale(ctx.params.name, ctx.request.body, queryOf(ctx));
      await provider.scale(name, replicas);
      answer(ctx, 202);
    },
    async logs(ctx) {
      if (!provider.logs) throw new NotImplementedError('logs');
      const request = parseLogRequest(queryOf(ctx));
      await streamLogs(ctx, await provider.logs(request, ctx.state.signal));
    },
    async info(ctx) {
      answer(ctx, 200, await provider.info());
    },
    health(ctx) {
      ctx.body = 'OK';
      return Promise.resolve();
    },
    secrets: secrets && secretsHandler(secrets, queryOf),
    listNamespaces: namespaces && (async (ctx) => answer(ctx, 200, await namespaces.list())),
    mutateNamespace: namespaces && namespaceHandler(namespaces),
  };
}

function secretsHandler(secrets: SecretVerbs, queryOf: (ctx: FaaSContext) => Query): Handler {
  return async (ctx) => {
    const query = queryOf(ctx);
    const { body } = ctx.request;
    if (ctx.method === 'POST') {
      await secrets.create(parseSecret(body, query));
      return answer(ctx, 201);
    }
    if (ctx.method === 'PUT') {
      await secrets.update(parseSecret(body, query));
      return answer(ctx, 200);
    }
    if (ctx.method === 'DELETE') {
      await secrets.remove(parseSecretName(body, query));
      return answer(ctx, 200);
    }
    const names = await secrets.list(parseNamespaceQuery(query));
    answer(
      ctx,
      200,
      names.map(({ name, namespace }) => ({ name, namespace })),
    );
  };
}

function namespaceHandler(namespaces: NamespaceVerbs): Handler {
  return async (ctx) => {
    const { name } = ctx.params;
    if (ctx.method === 'POST') {
      await namespaces.create(parseNamespace(name, ctx.request.body));
      return answer(ctx, 201);
    }
    if (ctx.method === 'PUT') {
      await namespaces.update(parseNamespace(name, ctx.request.body));
      return answer(ctx, 202);
    }
    if (ctx.method === 'DELETE') {
      await namespaces.remove(parseNamespace(name, ctx.request.body).name);
      return answer(ctx, 202);
    }
    answer(ctx, 200, await namespaces.get(parseNamespaceName(name)));
  };
}

function answer(ctx: FaaSContext, status: number, body: object | '' = ''): void {
  ctx.status = status;
  ctx.body = body;
}

/** The provider's `resolve`, where an unknown function has no endpoints: a 404 would look like the function's own. */
function resolveOf(provider: Provider): Resolve {
  return async (name, options) => {
    try {
      return await provider.resolve(name, options);
    } catch (error) {
      throw error instanceof FunctionNotFoundError ? new NoEndpointsError(name, { cause: error }) : error;
    }
  };
}

/** An update's 404 tells faas-cli to create the function, which would not help here. */
function blameCallerForNamespace(error: unknown): never {
  if (!(error instanceof NamespaceNotFoundError)) throw error;
  throw new BadRequestError(`${error.message}: create it with faas-cli namespace create`, { cause: error });
}

/** faas-cli's list wants empty maps absent, its describe wants labels and annotations present. */
function statusOnWire(status: FunctionStatus): FunctionStatus {
  const { envVars, limits, requests, constraints, secrets, labels, annotations, ...rest } = status;
  return {
    ...rest,
    labels: labels ?? {},
    annotations: annotations ?? {},
    ...unlessEmpty({ envVars, limits, requests, constraints, secrets }),
  };
}

function unlessEmpty<T extends Record<string, object | undefined>>(fields: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value && Object.keys(value).length > 0),
  ) as Partial<T>;
}
