import { defaultConfig, type FaaSConfig } from './faas-config.ts';
import {
  BadRequestError,
  FunctionNotFoundError,
  NamespaceNotFoundError,
  NoEndpointsError,
  ProviderError,
} from './provider-errors.ts';
import type { FaaSContext, FaaSHandlers, Handler } from './handlers.ts';
import { logsHandler } from './logs-handler.ts';
import {
  parseDeployment,
  parseDeploymentFile,
  parseFunctionName,
  parseFunctionPath,
  parseFunctionPost,
  parseNamespace,
  parseNamespaceName,
  parseNamespaceQuery,
  parseScale,
  parseSecret,
  parseSecretName,
  parseStatusRequest,
} from './parse.ts';
import type { NamespaceVerbs, Provider, SecretVerbs } from './provider.ts';
import { functionProxy, type FunctionProxyOptions, type Resolve } from './proxy/index.ts';
import type { Route } from './routes.ts';
import type { FunctionName, FunctionStatus } from './types.ts';

type ConfigField =
  'defaultNamespace' | 'maxIdleConns' | 'maxIdleConnsPerHost' | 'idleConnTimeoutMs' | 'proxy' | 'trustedProxies';

/** How functions are called; what `FaaSConfig` has is taken from there. */
export interface HandlersOptions extends Omit<FunctionProxyOptions, ConfigField> {
  /** Finds the endpoint of a call; the provider's `resolve` unless given, an unknown function being one without endpoints. */
  resolve?: Resolve;
}

/**
 * Makes the HTTP handlers of a provider, with the status codes that faas-cli and an OpenFaaS gateway in front want; a verb the
 * provider lacks answers 501, a call of a function that is unknown 503 as one without endpoints.
 * Source of the codes: https://github.com/openfaas/faas-cli/tree/master/proxy,
 * https://github.com/openfaas/faas-provider/blob/master/proxy/proxy.go
 */
export function handlersFor(
  provider: Provider,
  config: FaaSConfig = defaultConfig,
  { resolve = resolveOf(provider), ...options }: HandlersOptions = {},
): FaaSHandlers {
  const { functionLabel } = config;
  const { defaultNamespace, maxIdleConns, maxIdleConnsPerHost, idleConnTimeoutMs, proxy, trustedProxies } = config;
  const fromConfig = { defaultNamespace, maxIdleConns, maxIdleConnsPerHost, idleConnTimeoutMs, proxy, trustedProxies };
  const { secrets, namespaces } = provider;
  return {
    functionProxy: functionProxy(resolve, { ...options, ...fromConfig }),
    ...functionHandlers(provider, functionLabel ? withFunctionLabel : statusOnWire),
    ...rolloutHandlers(provider),
    ...lookingHandlers(provider),
    logs: provider.logs && logsHandler(provider.logs.bind(provider)),
    info: async (ctx) => answer(ctx, 200, await provider.info()),
    health: (ctx) => Promise.resolve(answer(ctx, 200, 'OK')),
    secrets: secrets && secretsHandler(secrets),
    listNamespaces: namespaces && (async (ctx) => answer(ctx, 200, await namespaces.list())),
    mutateNamespace: namespaces && namespaceHandler(namespaces),
  };
}

function functionHandlers(
  provider: Provider,
  onWire: (status: FunctionStatus) => FunctionStatus,
): Partial<FaaSHandlers> {
  const refuseKept = refusingKept(provider);
  return {
    functionLister: async (ctx) => answer(ctx, 200, (await provider.list(parseNamespaceQuery(ctx))).map(onWire)),
    async deployFunction(ctx) {
      const deployment = parseDeployment(ctx);
      await refuseKept(deployment);
      await provider.deploy(deployment, { file: parseDeploymentFile(ctx) }).catch(blameCallerForNamespace);
      // 200 would make faas-cli say that the function was there before.
      answer(ctx, 202);
    },
    async updateFunction(ctx) {
      const deployment = parseDeployment(ctx);
      await refuseKept(deployment);
      const file = parseDeploymentFile(ctx);
      const outcome = await provider.update(deployment, { file }).catch(blameCallerForNamespace);
      answer(ctx, outcome === 'ready' ? 200 : 202);
    },
    async deleteFunction(ctx) {
      const name = parseFunctionName(ctx);
      await refuseKept(name);
      await answerAfter(provider.remove(name), ctx, 202);
    },
    async functionStatus(ctx) {
      const { usage, ...name } = parseStatusRequest(ctx);
      answer(ctx, 200, onWire(await provider.status(name, { usage })));
    },
    async scaleFunction(ctx) {
      const { replicas, ...name } = parseScale(ctx);
      await provider.scale(name, replicas);
      answer(ctx, 202);
    },
  };
}

/** The verbs that bring other replicas, which are not there yet when they answer. */
function rolloutHandlers(provider: Provider): Partial<FaaSHandlers> {
  const rollBack = provider.rollBack?.bind(provider);
  const restart = provider.restart?.bind(provider);
  const refuseKept = refusingKept(provider);
  return {
    rollBackFunction:
      rollBack &&
      (async (ctx) => {
        const name = parseFunctionPost(ctx);
        await refuseKept(name);
        await answerAfter(rollBack(name), ctx, 202);
      }),
    // It stays what its file says.
    restartFunction: restart && ((ctx) => answerAfter(restart(parseFunctionPost(ctx)), ctx, 202)),
  };
}

/** The optional verbs that look at what is going on. */
function lookingHandlers(provider: Provider): Partial<FaaSHandlers> {
  const replicas = provider.replicas?.bind(provider);
  const pulls = provider.pulls?.bind(provider);
  const host = provider.host?.bind(provider);
  return {
    functionReplicas: replicas && (async (ctx) => answer(ctx, 200, await replicas(parseFunctionPath(ctx)))),
    pulls: pulls && (async (ctx) => answer(ctx, 200, await pulls())),
    host: host && (async (ctx) => answer(ctx, 200, await host())),
  };
}

/** Returns the check before each change of what a function is: not before one of its replicas, of which no file says anything. */
function refusingKept(provider: Provider): (fn: FunctionName) => Promise<void> {
  return async ({ name, namespace }) => {
    const found = (await provider.fromFiles?.())?.find((each) => each.name === name && each.namespace === namespace);
    if (found?.file.digest === undefined) return;
    const problem = `function ${name}.${namespace} is kept by ${found.file.path}`;
    throw new ProviderError(409, `${problem}: change it there, or take it out of the file to have it removed`);
  };
}

function secretsHandler(secrets: SecretVerbs): Handler {
  return byMethod({
    POST: async (ctx) => answerAfter(secrets.create(parseSecret(ctx)), ctx, 201),
    PUT: async (ctx) => answerAfter(secrets.update(parseSecret(ctx)), ctx, 200),
    DELETE: async (ctx) => answerAfter(secrets.remove(parseSecretName(ctx)), ctx, 200),
    async GET(ctx) {
      const listed = await secrets.list(parseNamespaceQuery(ctx));
      // A back end may hand out its secrets whole: no value leaves.
      const names = listed.map(({ name, namespace }) => ({ name, namespace }));
      answer(ctx, 200, names);
    },
  });
}

function namespaceHandler(namespaces: NamespaceVerbs): Handler {
  return byMethod({
    POST: async (ctx) => answerAfter(namespaces.create(parseNamespace(ctx)), ctx, 201),
    PUT: async (ctx) => answerAfter(namespaces.update(parseNamespace(ctx)), ctx, 202),
    DELETE: async (ctx) => answerAfter(namespaces.remove(parseNamespace(ctx).name), ctx, 202),
    GET: async (ctx) => answer(ctx, 200, await namespaces.get(parseNamespaceName(ctx))),
  });
}

/** Makes one handler of those for each method; HEAD is answered as GET. */
function byMethod(handlers: Record<Route['method'], Handler>): Handler {
  return (ctx) => handlers[ctx.method === 'HEAD' ? 'GET' : (ctx.method as Route['method'])](ctx);
}

async function answerAfter(work: Promise<void>, ctx: FaaSContext, status: number): Promise<void> {
  await work;
  answer(ctx, status);
}

function answer(ctx: FaaSContext, status: number, body: object | string = ''): void {
  ctx.status = status;
  ctx.body = body;
}

/** Returns the provider's `resolve`, where an unknown function has no endpoints: a 404 would look like the function's own. */
function resolveOf(provider: Provider): Resolve {
  const resolve: Resolve = async (name, options) => {
    try {
      return await provider.resolve(name, options);
    } catch (error) {
      throw error instanceof FunctionNotFoundError ? new NoEndpointsError(name, { cause: error }) : error;
    }
  };
  return (name, options) => provider.resolveNow?.(name) ?? resolve(name, options);
}

/** Answers 400 for the namespace of a deployment: an update's 404 tells faas-cli to create the function, which would not help. */
function blameCallerForNamespace(error: unknown): never {
  if (!(error instanceof NamespaceNotFoundError)) throw error;
  throw new BadRequestError(`${error.message}: create it with faas-cli namespace create`, { cause: error });
}

/** Shapes a status as faas-cli wants it: its list wants empty maps absent, its describe labels and annotations present. */
function statusOnWire(status: FunctionStatus): FunctionStatus {
  const { envVars, limits, requests, constraints, secrets, labels, annotations, ...rest } = status;
  return {
    ...rest,
    labels: labels ?? {},
    annotations: annotations ?? {},
    ...unlessEmpty({ envVars, limits, requests, constraints, secrets }),
  };
}

/** As the certifier wants it, which then says what on Kubernetes is always there. */
function withFunctionLabel(status: FunctionStatus): FunctionStatus {
  const shaped = statusOnWire(status);
  return { ...shaped, labels: { ...shaped.labels, faas_function: status.name } };
}

function unlessEmpty<T extends Record<string, object | undefined>>(fields: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value && Object.keys(value).length > 0),
  ) as Partial<T>;
}
