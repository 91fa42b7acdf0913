import { z } from 'zod';
import { quote } from '../base/quote.ts';
import { body, check, flagOf, lastOf, optionalText, optionalTextMap, optionalTexts } from './check.ts';
import { BadRequestError, ProviderError } from './provider-errors.ts';
import { checkLabel, checkSecretName } from './names.ts';
import { resourcesOf } from './workload/index.ts';
import type { FunctionDeployment, FunctionName, LogRequest, Namespace, Secret, SecretName } from './types.ts';

/**
 * From the wire to our vocabulary. Every function here throws BadRequestError, or 422 for a log query, for what the
 * caller must mend, and nothing else.
 */

/** What a request gave beside its body. */
export interface Query {
  query: URLSearchParams;
  defaultNamespace: string;
}

/** The wire's four names for a function's name. */
const nameFields = { service: optionalText, serviceName: optionalText, functionName: optionalText, name: optionalText };

const nameBody = body({ ...nameFields, namespace: optionalText });

const resources = body({ memory: optionalText, cpu: optionalText })
  .nullish()
  .transform((value) => value ?? undefined);

const deploymentBody = body({
  ...nameFields,
  namespace: optionalText,
  image: optionalText,
  envProcess: optionalText,
  envVars: optionalTextMap,
  constraints: optionalTexts,
  secrets: optionalTexts,
  labels: optionalTextMap,
  annotations: optionalTextMap,
  limits: resources,
  requests: resources,
  readOnlyRootFilesystem: z
    .boolean({ error: 'must be true or false' })
    .nullish()
    .transform((value) => value ?? undefined),
});

const scaleBody = nameBody.extend({
  replicas: z.int({ error: 'must be a whole number' }).min(0, 'must not be negative'),
});

const secretBody = body({
  name: optionalText,
  namespace: optionalText,
  value: z.string({ error: 'must be a string' }).nullish(),
  rawValue: z.string({ error: 'must be base64' }).nullish(),
});

const namespaceBody = body({ name: optionalText, labels: optionalTextMap, annotations: optionalTextMap });

/** The body of POST and PUT /system/functions. */
export function parseDeployment(unknownBody: unknown, query: Query): FunctionDeployment {
  const { service, serviceName, functionName, name, namespace, ...sent } = check(deploymentBody, unknownBody);
  const { image, envVars, secrets, limits, requests } = sent;
  const address = {
    name: checkName(service || serviceName || functionName || name, 'service'),
    namespace: namespaceOf(namespace, query),
  };
  if (!image) throw new BadRequestError('image is missing: name the image to run, such as alpine:latest');
  if (/\s/.test(image)) throw new BadRequestError(`image ${quote(image)} must not hold a space`);
  for (const variable of Object.keys(envVars ?? {})) checkVariable(variable);
  for (const secret of secrets ?? []) checkSecretName(secret, 'secret');
  resourcesOf({ limits, requests });
  return withoutUndefined({ ...address, ...sent, image });
}

/** The body or query of DELETE /system/functions. */
export function parseFunctionName(unknownBody: unknown, query: Query): FunctionName {
  const { service, serviceName, functionName, name, namespace } = check(nameBody, unknownBody);
  return {
    name: checkName(
      functionName || serviceName || service || name || lastOf(query.query, 'functionName'),
      'functionName',
    ),
    namespace: namespaceOf(namespace, query),
  };
}

/** GET /system/function/NAME?namespace=&usage= */
export function parseStatusRequest(name: string | undefined, query: Query): FunctionName & { usage: boolean } {
  return {
    name: checkName(name, 'function'),
    namespace: namespaceOf(undefined, query),
    usage: flagOf(query.query, 'usage'),
  };
}

/** POST /system/scale-function/NAME, where the path says which function whatever the body says. */
export function parseScale(
  name: string | undefined,
  unknownBody: unknown,
  query: Query,
): FunctionName & { replicas: number } {
  const { namespace, replicas } = check(scaleBody, unknownBody);
  return { name: checkName(name, 'function'), namespace: namespaceOf(namespace, query), replicas };
}

/** `?namespace=` or the default. */
export function parseNamespaceQuery(query: Query): string {
  return namespaceOf(undefined, query);
}

/** The body of POST and PUT /system/secrets. With both values `rawValue` wins: only it holds any bytes. */
export function parseSecret(unknownBody: unknown, query: Query): Secret {
  const { value, rawValue } = check(secretBody, unknownBody);
  const address = parseSecretName(unknownBody, query);
  if (rawValue) return { ...address, value: decodeBase64(rawValue) };
  if (value == null && rawValue == null)
    throw new BadRequestError('value is missing: send value as text or rawValue as base64');
  return { ...address, value: Buffer.from(value ?? '') };
}

/** The body of DELETE /system/secrets. */
export function parseSecretName(unknownBody: unknown, query: Query): SecretName {
  const { name, namespace } = check(secretBody, unknownBody);
  if (!name) throw new BadRequestError('name is missing: say which secret');
  return { name: checkSecretName(name), namespace: namespaceOf(namespace, query) };
}

/** The body of POST and PUT /system/namespace/[NAME]; a name in both places must be the same. */
export function parseNamespace(pathName: string | undefined, unknownBody: unknown): Namespace {
  const { name, labels = {}, annotations = {} } = check(namespaceBody, unknownBody);
  if (pathName && name && name !== pathName) {
    throw new BadRequestError(`namespace ${quote(name)} in the body is not ${quote(pathName)} in the path`);
  }
  return { name: parseNamespaceName(pathName || name), labels, annotations };
}

export function parseNamespaceName(name: string | undefined): string {
  return checkName(name, 'namespace');
}

/** The query of GET /system/logs. What faas-provider cannot parse it answers with 422, so do we. */
export function parseLogRequest(query: Query): LogRequest {
  const get = (key: string) => lastOf(query.query, key);
  const tail = get('tail') ?? '-1';
  if (!/^-?\d{1,9}$/.test(tail)) throw unreadableLogRequest('tail must be a whole number of lines, -1 for all');
  return withoutUndefined({
    name: checkName(get('name'), 'name'),
    namespace: namespaceOf(undefined, query),
    instance: get('instance'),
    since: parseSince(get('since')),
    tail: Number(tail) > 0 ? Number(tail) : undefined,
    follow: flagOf(query.query, 'follow'),
  });
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

function namespaceOf(inBody: string | undefined, { query, defaultNamespace }: Query): string {
  return checkLabel(inBody || lastOf(query, 'namespace') || defaultNamespace, 'namespace');
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
