import type { LogMessage } from '../../../src/index.ts';

/** What a gateway asks a provider, and the whole answer. */
export interface Exchange {
  title: string;
  /** Method, path and query. */
  request: [method: string, path: string];
  body?: object;
  status: number;
  /** The whole body: text as it is, anything else as JSON. */
  answer?: unknown;
  headers?: Record<string, string>;
}

/** Deployed in the default namespace, and in `dev`. */
export const env = {
  name: 'env',
  namespace: 'openfaas-fn',
  image: 'example/env:1',
  labels: { team: 'blue' },
  annotations: {},
  replicas: 1,
  availableReplicas: 1,
};
export const envInDev = { ...env, namespace: 'dev', labels: {} };
/** All that env.dev has written. */
export const line: LogMessage = {
  name: 'env',
  namespace: 'dev',
  instance: 'r1',
  timestamp: '2026-01-02T03:04:05.000000006Z',
  text: 'hello',
};
const platform = { 'x-openfaas-internal': 'proxy', 'content-type': 'text/plain; charset=utf-8' };

export const exchanges: Exchange[] = [
  {
    title: 'info is bare',
    request: ['GET', '/system/info'],
    status: 200,
    answer: { provider: 'memory', orchestration: 'none', version: { release: '1.0.0', sha: 'abc' } },
  },
  { title: 'health', request: ['GET', '/healthz'], status: 200, answer: 'OK' },
  {
    title: 'the list of a namespace',
    request: ['GET', '/system/functions?namespace=dev'],
    status: 200,
    answer: [envInDev],
  },
  { title: 'an empty list', request: ['GET', '/system/functions?namespace=empty'], status: 200, answer: [] },
  {
    title: 'a status, as before each call that may have to wake the function',
    request: ['GET', '/system/function/env?namespace=dev&usage=false'],
    status: 200,
    answer: envInDev,
  },
  {
    title: 'the status of an unknown function',
    request: ['GET', '/system/function/nobody?namespace=dev&usage=false'],
    status: 404,
    answer: 'function nobody.dev not found\n',
  },
  {
    title: 'a deployment',
    request: ['POST', '/system/functions'],
    body: { service: 'new', image: 'example/new:1', namespace: 'dev', labels: null, annotations: null },
    status: 202,
    answer: '',
  },
  {
    title: 'a deployment that is there already',
    request: ['POST', '/system/functions'],
    body: { service: 'env', image: 'example/env:2' },
    status: 409,
    answer: 'function env.openfaas-fn already exists: update it with PUT, or remove it first\n',
  },
  {
    title: 'an update',
    request: ['PUT', '/system/functions'],
    body: { service: 'env', image: 'example/env:2' },
    status: 200,
    answer: '',
  },
  {
    title: 'an update of an unknown function',
    request: ['PUT', '/system/functions'],
    body: { service: 'nobody', image: 'example/env:2' },
    status: 404,
    answer: 'function nobody.openfaas-fn not found\n',
  },
  {
    title: 'a scale with the namespace in the query alone',
    request: ['POST', '/system/scale-function/env?namespace=dev'],
    body: { serviceName: 'env', replicas: 3 },
    status: 202,
    answer: '',
  },
  {
    title: 'a scale of an unknown function',
    request: ['POST', '/system/scale-function/env?namespace=empty'],
    body: { serviceName: 'env', replicas: 3 },
    status: 404,
    answer: 'function env.empty not found\n',
  },
  {
    title: 'a removal with the namespace in the query alone',
    request: ['DELETE', '/system/functions?namespace=dev'],
    body: { functionName: 'env' },
    status: 202,
    answer: '',
  },
  {
    title: 'a removal of an unknown function',
    request: ['DELETE', '/system/functions?namespace=empty'],
    body: { functionName: 'env' },
    status: 404,
    answer: 'function env.empty not found\n',
  },
  {
    title: 'logs',
    request: ['GET', '/system/logs?follow=false&name=env&namespace=dev&tail=-1'],
    status: 200,
    answer: `${JSON.stringify(line)}\n`,
    headers: { 'content-type': 'application/x-ndjson' },
  },
  {
    title: 'the logs of an unknown function',
    request: ['GET', '/system/logs?follow=false&name=nobody'],
    status: 404,
    answer: 'function nobody.openfaas-fn not found\n',
  },
  {
    title: 'the names of secrets',
    request: ['GET', '/system/secrets?namespace=dev'],
    status: 200,
    answer: [{ name: 'token', namespace: 'dev' }],
  },
  {
    title: 'the names of namespaces',
    request: ['GET', '/system/namespaces'],
    status: 200,
    answer: ['openfaas-fn', 'dev'],
  },
  {
    title: 'a namespace',
    request: ['GET', '/system/namespace/dev'],
    status: 200,
    answer: { name: 'dev', labels: { openfaas: '1' }, annotations: {} },
  },
  {
    title: 'an unknown namespace',
    request: ['GET', '/system/namespace/nowhere'],
    status: 404,
    answer: 'namespace nowhere not found\n',
  },
  {
    title: 'telemetry, which it has none',
    request: ['GET', '/system/telemetry'],
    status: 501,
    answer: 'this provider does not implement telemetry\n',
  },
  {
    title: 'a call',
    request: ['POST', '/function/env.dev/a%2Fb?c=d'],
    body: { hello: 1 },
    status: 200,
    answer: 'POST /a%2Fb?c=d call-1 gateway:8080 10.0.0.9:4711, 127.0.0.1 {"hello":1}',
    headers: { 'x-function': 'env' },
  },
  {
    title: 'a call of an unknown function',
    request: ['POST', '/function/nobody'],
    status: 503,
    answer: 'No endpoints available for: nobody.\n',
    headers: platform,
  },
  {
    title: 'a call of a function without a replica',
    request: ['POST', '/function/asleep.openfaas-fn'],
    status: 503,
    answer: 'No endpoints available for: asleep.\n',
    headers: platform,
  },
  {
    title: 'a call of a function that cannot be reached',
    request: ['POST', '/function/dead.openfaas-fn'],
    status: 500,
    answer: "Can't reach service for: dead.\n",
    headers: platform,
  },
  {
    title: 'a call without a name',
    request: ['POST', '/function/.openfaas-fn'],
    status: 404,
    answer: 'function not found: call /function/NAME or /function/NAME.NAMESPACE\n',
  },
];

/** What a gateway adds to each request. */
export const forwarded = {
  'X-Call-Id': 'call-1',
  'X-Start-Time': '1767323045000000006',
  'X-Forwarded-Host': 'gateway:8080',
  'X-Forwarded-For': '10.0.0.9:4711',
  'User-Agent': 'Go-http-client/1.1',
  'Accept-Encoding': 'gzip',
};
