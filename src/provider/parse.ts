import { z } from 'zod';
import { quote } from '../base/quote.ts';
import {
  body,
  check,
  flagOf,
  lastOf,
  optional,
  optionalAnnotations,
  optionalLabels,
  optionalText,
  optionalTextMap,
  optionalTexts,
} from './check.ts';
import type { FaaSContext } from './handlers.ts';
import { BadRequestError, ProviderError } from './provider-errors.ts';
import { checkLabel, checkSecretName } from './names.ts';
import { checkWorkload, resourcesOf } from './workload/index.ts';
import type { FunctionFile } from './provider.ts';
import type { FunctionDeployment, FunctionName, LogRequest, Namespace, Secret, SecretName } from './types.ts';

/**
 * From the wire to our vocabulary. Each of these reads what its route is sent: the body, the query and the path. What the
 * caller must mend is thrown as ProviderError, mostly BadRequestError, and nothing else is.
 */

/** Fields of the wire's four names for a function's name, and of its namespace. */
const nameBody = body({
  service: optionalText,
  serviceName: optionalText,
  functionName: optionalText,
  name: optionalText,
  namespace: optionalText,
});

const resources = optional(
  body({
    memory: optionalText,
    cpu: optionalText,
    'nvidia.com/gpu': optionalText,
    'amd.com/gpu': optionalText,
    'intel.com/gpu': optionalText,
  }),
);

const deploymentBody = nameBody.extend({
  image: optionalText,
  envProcess: optionalText,
  envVars: optionalTextMap,
  constraints: optionalTexts,
  secrets: optionalTexts,
  labels: optionalLabels,
  annotations: optionalAnnotations,
  limits: resources,
  requests: resources,
  readOnlyRootFilesystem: optional(z.boolean({ error: 'must be true or false' })),
});

const fileBody = body({ berth: optional(body({ file: optionalText })) });

const scaleBody = nameBody.extend({
  replicas: z.int({ error: 'must be a whole number' }).min(0, 'must not be negative'),
});

const secretBody = body({
  name: optionalText,
  namespace: optionalText,
  value: z.string({ error: 'must be a string' }).nullish(),
  rawValue: z.string({ error: 'must be base64' }).nullish(),
});

const namespaceBody = body({ name: optionalText, labels: optionalLabels, annotations: optionalAnnotations });

/**
 * Reads the body of POST and PUT /system/functions.
 * @throws BadRequestError when the caller must mend the deployment, naming the field
 */
export function parseDeployment(ctx: FaaSContext): FunctionDeployment {
  return deploymentOf(ctx.request.body, lastOf(ctx, 'namespace') || ctx.state.defaultNamespace);
}

/**
 * Reads a deployment as it is sent.
 * @param defaultNamespace of one that names none
 * @throws BadRequestError when the caller must mend it, naming the field
 */
export function deploymentOf(sentBody: unknown, defaultNamespace: string): FunctionDeployment {
  const { service, serviceName, functionName, name, namespace, ...sent } = check(deploymentBody, sentBody);
  const { image, envVars, secrets } = sent;
  const address = {
    name: checkName(service || serviceName || functionName || name, 'service'),
    namespace: checkLabel(namespace || defaultNamespace, 'namespace'),
  };
  if (!image) throw new BadRequestError('image is missing: name the image to run, such as alpine:latest');
  if (/\s/.test(image)) throw new BadRequestError(`image ${quote(image)} must not hold a space`);
  for (const variable of Object.keys(envVars ?? {})) checkVariable(variable);
  for (const secret of secrets ?? []) checkSecretName(secret, 'secret');
  resourcesOf(sent);
  const deployment: FunctionDeployment = withoutUndefined({ ...address, ...sent, image });
  checkWorkload(deployment);
  return deployment;
}

/**
 * Reads the file that a deployment comes from: `berth.file` in the body of POST and PUT /system/functions, beyond the
 * contract; undefined where it names none.
 * @throws BadRequestError when it is no path
 */
export function parseDeploymentFile(ctx: FaaSContext): FunctionFile | undefined {
  const { berth } = check(fileBody, ctx.request.body);
  return berth?.file ? { path: berth.file } : undefined;
}

/**
 * Reads the function that the body or query of DELETE /system/functions names.
 * @throws BadRequestError when there is no such name
 */
export function parseFunctionName(ctx: FaaSContext): FunctionName {
  const { service, serviceName, functionName, name, namespace } = check(nameBody, ctx.request.body);
  const sent = functionName || serviceName || service || name || lastOf(ctx, 'functionName');
  return addressOf(ctx, sent, 'functionName', namespace);
}

/**
 * Reads the function that a path such as /system/function/NAME?namespace= names.
 * @throws BadRequestError when there is no such name
 */
export function parseFunctionPath(ctx: FaaSContext): FunctionName {
  return addressOf(ctx, ctx.params.name, 'function');
}

/**
 * Reads what POST /system/restart-function/NAME or rollback-function/NAME is sent: the path says which function, the body or
 * the query which namespace.
 * @throws BadRequestError when there is no such name
 */
export function parseFunctionPost(ctx: FaaSContext): FunctionName {
  const { namespace } = check(nameBody, ctx.request.body);
  return addressOf(ctx, ctx.params.name, 'function', namespace);
}

/**
 * Reads GET /system/function/NAME?namespace=&usage=
 * @throws BadRequestError when there is no such name
 */
export function parseStatusRequest(ctx: FaaSContext): FunctionName & { usage: boolean } {
  return { ...parseFunctionPath(ctx), usage: flagOf(ctx, 'usage') };
}

/**
 * Reads POST /system/scale-function/NAME, where the path says which function whatever the body says.
 * @throws BadRequestError when `replicas` is no whole number from 0, or there is no such name
 */
export function parseScale(ctx: FaaSContext): FunctionName & { replicas: number } {
  const { namespace, replicas } = check(scaleBody, ctx.request.body);
  return { ...addressOf(ctx, ctx.params.name, 'function', namespace), replicas };
}

/**
 * Reads `?namespace=`, or the default where there is none.
 * @throws BadRequestError when it is no DNS-1123 label
 */
export function parseNamespaceQuery(ctx: FaaSContext): string {
  return namespaceOf(ctx);
}

/**
 * Reads the body of POST and PUT /system/secrets. With both values `rawValue` wins: only it holds any bytes.
 * @throws BadRequestError when there is no value or no such name
 */
export function parseSecret(ctx: FaaSContext): Secret {
  const { value, rawValue } = check(secretBody, ctx.request.body);
  const address = parseSecretName(ctx);
  if (rawValue) return { ...address, value: decodeBase64(rawValue) };
  if (value == null && rawValue == null)
    throw new BadRequestError('value is missing: send value as text or rawValue as base64');
  return { ...address, value: Buffer.from(value ?? '') };
}

/**
 * Reads the secret that the body of DELETE /system/secrets names.
 * @throws BadRequestError when there is no such name
 */
export function parseSecretName(ctx: FaaSContext): SecretName {
  const { name, namespace } = check(secretBody, ctx.request.body);
  if (!name) throw new BadRequestError('name is missing: say which secret');
  return { name: checkSecretName(name), namespace: namespaceOf(ctx, namespace) };
}

/**
 * Reads POST, PUT and DELETE /system/namespace/[NAME], whose name may be in the path, the body or both.
 * @throws BadRequestError when the two names differ, or there is no such name
 */
export function parseNamespace(ctx: FaaSContext): Namespace {
  const { name, labels = {}, annotations = {} } = check(namespaceBody, ctx.request.body);
  const inPath = ctx.params.name;
  if (inPath && name && name !== inPath)
    throw new BadRequestError(`namespace ${quote(name)} in the body is not ${quote(inPath)} in the path`);
  return { name: checkName(inPath || name, 'namespace'), labels, annotations };
}

/**
 * Reads GET /system/namespace/NAME
 * @throws BadRequestError when there is no such name
 */
export function parseNamespaceName(ctx: FaaSContext): string {
  return checkName(ctx.params.name, 'namespace');
}

/**
 * Reads the query of GET /system/logs. A `tail` of 0 or less means all lines.
 * @throws BadRequestError when there is no such name
 * @throws ProviderError with status 422, as faas-provider's, when `tail` or `since` cannot be read
 */
export function parseLogRequest(ctx: FaaSContext): LogRequest {
  const tail = lastOf(ctx, 'tail') ?? '-1';
  if (!/^-?\d{1,15}$/.test(tail)) throw unreadableLogRequest('tail must be a whole number of lines, -1 for all');
  return withoutUndefined({
    ...addressOf(ctx, lastOf(ctx, 'name'), 'name'),
    instance: lastOf(ctx, 'instance'),
    since: parseSince(lastOf(ctx, 'since')),
    tail: Number(tail) > 0 ? Number(tail) : undefined,
    follow: flagOf(ctx, 'follow'),
  });
}

/**
 * Reads how often a stream of log lines is to say that it goes on, in milliseconds; undefined where nobody asks for it.
 * @throws ProviderError with status 422 when `keepalive` is no number of seconds up to an hour
 */
export function parseKeepAlive(ctx: FaaSContext): number | undefined {
  const seconds = lastOf(ctx, 'keepalive');
  if (seconds === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(seconds) && Number(seconds) <= 3600) return Number(seconds) * 1000;
  throw unreadableLogRequest('keepalive must be a whole number of seconds, 1 to 3600');
}

function parseSince(since: string | undefined): Date | undefined {
  if (since === undefined) return undefined;
  const date = new Date(since);
  const isRfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[-+]\d\d:\d\d)$/.test(since);
  if (!isRfc3339 || Number.isNaN(date.getTime()))
    throw unreadableLogRequest('since must be RFC 3339, such as 2026-01-31T15:04:05Z');
  return date;
}

function unreadableLogRequest(reason: string): ProviderError {
  return new ProviderError(422, `could not parse the log request: ${reason}`);
}

function addressOf(ctx: FaaSContext, name: string | undefined, field: string, namespace?: string): FunctionName {
  return { name: checkName(name, field), namespace: namespaceOf(ctx, namespace) };
}

function namespaceOf(ctx: FaaSContext, inBody?: string): string {
  return checkLabel(inBody || lastOf(ctx, 'namespace') || ctx.state.defaultNamespace, 'namespace');
}

function checkName(name: string | undefined, field: string): string {
  if (!name) throw new BadRequestError(`${field} is missing: say its name`);
  return checkLabel(name, field);
}

function checkVariable(variable: string): void {
  if (/^[-._A-Za-z][-._A-Za-z0-9]*$/.test(variable)) return;
  throw new BadRequestError(`envVars ${quote(variable)} is not a name for a variable: use letters, digits, and -._`);
}

function decodeBase64(rawValue: string): Buffer {
  const encoded = rawValue.replaceAll(/[\r\n]/g, '');
  const value = Buffer.from(encoded, 'base64');
  // Buffer skips what it does not know; what it gives back the same was base64.
  if (value.toString('base64') !== encoded) throw new BadRequestError('rawValue is not base64');
  return value;
}

function withoutUndefined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
