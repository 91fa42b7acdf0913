/**
 * What today's clients send, and the answer that each of them needs: faas-cli of July 2026, go-sdk of April 2026, which
 * faas-cli itself uses for namespaces and invoke, and python-sdk of April 2026. In order, on an empty host.
 */
import type { ExecutionContext } from 'ava';
import { password, username } from '../helpers/berth.ts';

export interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface Exchange {
  /** The command or the function that sends it. */
  title: string;
  request: [method: string, path: string];
  headers: Record<string, string>;
  /** An object becomes JSON. */
  body?: object | string;
  /** Those that it takes for what was asked; the first is the one that it shows best. */
  statuses: number[];
  /** Looks at what else it needs. */
  needs?: (t: ExecutionContext, answer: Answered) => void;
}

type More = Pick<Exchange, 'body' | 'needs'>;

/** Makes the rows of one client, which sends these headers. */
function sender(headers: Record<string, string>) {
  return (title: string, request: string, statuses: number[], more: More = {}): Exchange => {
    const [method = '', path = ''] = request.split(' ');
    return { title, request: [method, path], headers, statuses, ...more };
  };
}

const Authorization = `Basic ${btoa(`${username}:${password}`)}`;
const ofGo = { 'User-Agent': 'Go-http-client/1.1', 'Accept-Encoding': 'gzip' };
const ofCli = { ...ofGo, 'User-Agent': 'faas-cli/0.18.8' };
const ofPython = { 'User-Agent': 'openfaas-python-sdk/0.1.0', 'Accept-Encoding': 'gzip, deflate', Accept: '*/*' };

const plain = sender(ofGo);
const loggingIn = sender({ ...ofGo, Authorization });
const wrong = sender({ ...ofGo, Authorization: `Basic ${btoa('admin:no')}` });
const form = sender({ ...ofGo, 'Content-Type': 'application/x-www-form-urlencoded' });
const cli = sender({ ...ofCli, Authorization });
const stranger = sender({ ...ofCli, Authorization: 'Bearer' });
const debugging = sender({ ...ofCli, Authorization, 'Transfer-Encoding': 'chunked' });
const invoke = sender({ ...ofCli, 'Content-Type': 'text/plain' });
const sdk = sender({ ...ofGo, 'User-Agent': 'openfaas-go-sdk', Authorization });
const python = sender({ ...ofPython, Authorization });
const pythonCall = sender(ofPython);

const done = [202, 200, 201];
const changed = [200, 202];
const namespace = { name: 'dev', annotations: { openfaas: '1' }, labels: { openfaas: '1', team: 'blue' } };

/** @param image whose watchdog runs `fprocess` */
export function exchanges(image: string): Exchange[] {
  const deployment = {
    service: 'fn1',
    image,
    envProcess: 'cat',
    envVars: { answer: '42', empty: '' },
    secrets: ['s1'],
    labels: { team: 'blue' },
    annotations: { note: 'one: two\n\tthree' },
    limits: { memory: '64Mi', cpu: '100m' },
    requests: { memory: '16Mi' },
    readOnlyRootFilesystem: true,
  };
  const { service, ...asSent } = deployment;
  const shown = { name: service, namespace: 'openfaas-fn', ...asSent };
  const bare = { service: 'fn2', image, namespace: 'dev', envProcess: 'cat', labels: null, annotations: null };

  return [
    loggingIn('login', 'GET /system/functions', [200]),
    wrong('login with another password', 'GET /system/functions', [401]),
    stranger('list, never logged in', 'GET /system/functions', [401]),
    plain('ready', 'GET /healthz', [200]),
    cli('version', 'GET /system/info', [200], { needs: isGatewayInfo }),
    cli('list, of nothing', 'GET /system/functions', [200], { needs: json([]) }),

    sdk('namespace create', 'POST /system/namespace/', [201, 200, 202], { body: namespace }),
    sdk('namespace create, again', 'POST /system/namespace/', [409], { body: namespace }),
    sdk('namespace update', 'PUT /system/namespace/dev', done, { body: { ...namespace, labels: { openfaas: '1' } } }),
    sdk('namespace update of an unknown one', 'PUT /system/namespace/no', [404], {
      body: { ...namespace, name: 'no' },
    }),
    sdk('namespace get', 'GET /system/namespace/dev', [200], {
      needs: json({ ...namespace, labels: { openfaas: '1' } }),
    }),
    sdk('namespace get of an unknown one', 'GET /system/namespace/no', [404]),
    sdk('namespace list', 'GET /system/namespaces', [200], { needs: json(['dev', 'openfaas-fn']) }),
    loggingIn("an update as in OpenFaaS's documentation", 'PUT /system/namespaces/dev', done, { body: namespace }),

    cli('secret list, of nothing', 'GET /system/secrets', [200], { needs: json([]) }),
    cli('secret create --from-literal', 'POST /system/secrets', [201, 200, 202], { body: { name: 's1', value: 'v' } }),
    cli('secret create, again', 'POST /system/secrets', [409], { body: { name: 's1', value: 'v' } }),
    cli('secret create --replace, then', 'PUT /system/secrets', changed, { body: { name: 's1', value: 'w' } }),
    cli('secret update of an unknown one', 'PUT /system/secrets', [404], { body: { name: 'no', value: 'w' } }),
    cli('secret create --from-file -n dev', 'POST /system/secrets', [201, 200, 202], {
      body: { name: 's2', namespace: 'dev', value: 'line', rawValue: btoa('line\n') },
    }),
    cli('secret list -n dev', 'GET /system/secrets?namespace=dev', [200], {
      needs: json([{ name: 's2', namespace: 'dev' }]),
    }),

    cli('deploy, which asks for an update first', 'PUT /system/functions', [202], { body: deployment }),
    cli('deploy, again', 'PUT /system/functions', [200], { body: deployment }),
    cli('deploy --update=false, again', 'POST /system/functions', [409], { body: deployment }),
    sdk('Deploy of go-sdk, its maps nil', 'POST /system/functions', done, { body: bare }),
    sdk('Update of go-sdk', 'PUT /system/functions', [200, 202], { body: bare }),
    cli('deploy to an unknown namespace', 'PUT /system/functions', [400], {
      body: { ...deployment, namespace: 'no' },
      needs: oneLine,
    }),
    cli('diff, which compares all as text', 'GET /system/functions', [200], { needs: list(shown) }),
    cli('list -n dev', 'GET /system/functions?namespace=dev', [200], {
      needs: list({ name: 'fn2', namespace: 'dev', image, envProcess: 'cat' }),
    }),
    python('get_functions of python-sdk', 'GET /system/functions?namespace=dev', [200], {
      needs: list({ name: 'fn2', namespace: 'dev' }),
    }),
    cli('ready fn1, and describe', 'GET /system/function/fn1?usage=1', [200], {
      needs: status({ ...shown, availableReplicas: 1 }),
    }),
    sdk('GetFunction of go-sdk', 'GET /system/function/fn2?namespace=dev', [200], {
      needs: status({ namespace: 'dev' }),
    }),
    cli('describe of an unknown one', 'GET /system/function/no?usage=1', [404]),

    invoke('invoke', 'POST /function/fn1.openfaas-fn', [200], { body: 'hello', needs: said('hello') }),
    invoke('invoke -n dev --query', 'POST /function/fn2.dev?a=1+x&b=2', [200], { body: 'hi', needs: said('hi') }),
    plain('InvokeFunction of go-sdk, without a body', 'GET /function/fn2.dev', [200], { needs: said('') }),
    pythonCall('invoke_function of python-sdk', 'POST /function/fn1.openfaas-fn', [200], {
      body: 'hello',
      needs: said('hello'),
    }),
    invoke('invoke of an unknown one', 'POST /function/no.openfaas-fn', [404], { body: '', needs: oneLine }),
    form('invoke --auth, for its token', 'POST /oauth/token', [501], {
      body: 'grant_type=urn%3Aietf&scope=function',
      needs: oneLine,
    }),
    cli('describe, for the count', 'GET /system/functions', [200], { needs: list({ ...shown, invocationCount: 2 }) }),
    invoke('invoke --async', 'POST /async-function/fn1.openfaas-fn', [202], { body: 'hello', needs: said('') }),
    invoke('invoke --async of an unknown one', 'POST /async-function/no.openfaas-fn', [404], {
      body: '',
      needs: oneLine,
    }),

    cli('logs --tail=false --lines -1', 'GET /system/logs?follow=false&name=fn1&tail=-1', [200], {
      needs: logs('openfaas-fn', 'Wrote 5 Bytes'),
    }),
    cli(
      'logs --since, of a client in India',
      'GET /system/logs?follow=false&name=fn1&since=2026-01-22T15%3A55%3A30%2B05%3A30&tail=-1',
      [200],
      { needs: logs('openfaas-fn', 'Wrote 5 Bytes') },
    ),
    sdk('GetLogs of go-sdk', 'GET /system/logs?follow=0&name=fn2&namespace=dev&tail=100', [200], {
      needs: logs('dev', 'Wrote 2 Bytes'),
    }),
    python(
      'get_logs of python-sdk',
      'GET /system/logs?name=fn2&namespace=dev&follow=0&since=2026-01-22T15%3A55%3A30.123456%2B00%3A00',
      [200],
      { needs: logs('dev', 'Wrote 2 Bytes') },
    ),
    cli('logs of an unknown one', 'GET /system/logs?follow=false&name=no&tail=-1', [404], { needs: oneLine }),

    sdk('ScaleFunction of go-sdk, down', 'POST /system/scale-function/fn2', done, {
      body: { serviceName: 'fn2', namespace: 'dev', replicas: 0 },
    }),
    python('scale_function of python-sdk, up', 'POST /system/scale-function/fn2', done, {
      body: { serviceName: 'fn2', replicas: 1, namespace: 'dev' },
    }),
    sdk('ScaleFunction of an unknown one', 'POST /system/scale-function/no', [404], {
      body: { serviceName: 'no', namespace: '', replicas: 1 },
    }),

    cli('secret remove of one in use', 'DELETE /system/secrets', [409], { body: { name: 's1' }, needs: oneLine }),
    cli('remove', 'DELETE /system/functions', done, { body: { functionName: 'fn1' } }),
    cli('remove, again', 'DELETE /system/functions', [404], { body: { functionName: 'fn1' } }),
    debugging('remove -n dev with FAAS_DEBUG=1', 'DELETE /system/functions', done, {
      body: { functionName: 'fn2', namespace: 'dev' },
    }),
    cli('secret remove', 'DELETE /system/secrets', changed, { body: { name: 's1' } }),
    cli('secret remove, again', 'DELETE /system/secrets', [404], { body: { name: 's1' } }),
    python('delete_secret of python-sdk', 'DELETE /system/secrets', changed, {
      body: { name: 's2', namespace: 'dev' },
    }),
    sdk('namespace remove', 'DELETE /system/namespace/dev', done, { body: { name: 'dev', labels: { openfaas: '1' } } }),
    sdk('namespace remove, again', 'DELETE /system/namespace/dev', [404], {
      body: { name: 'dev', labels: { openfaas: '1' } },
    }),
  ];
}

type Needs = NonNullable<Exchange['needs']>;

/** It shows the body as it is. */
function oneLine(t: ExecutionContext, { text }: Answered): void {
  t.regex(text, /^[^\n{[]+\n$/);
}

function json(wanted: unknown): Needs {
  return (t, { text }) => void t.deepEqual(JSON.parse(text), wanted);
}

function isGatewayInfo(t: ExecutionContext, { text }: Answered): void {
  const { provider, version } = JSON.parse(text) as Record<string, Record<string, unknown>>;
  for (const { release, sha } of [version, provider?.['version'] as Record<string, unknown>].map((one) => one ?? {}))
    t.regex(`${String(release)} ${String(sha)}`, /^\S+ \S+$/);
  t.is(provider?.['orchestration'], 'containerd');
  t.is(typeof provider?.['provider'], 'string');
}

function said(wanted: string): Needs {
  return (t, { text, headers }) => {
    t.is(text, wanted);
    t.regex(String(headers['x-call-id']), /^[-0-9a-f]{36}$/);
    t.regex(String(headers['x-start-time']), /^\d{19}$/);
    t.is(headers['content-encoding'], undefined);
  };
}

function logs(namespace: string, wanted: string): Needs {
  return (t, { text, headers }) => {
    t.is(headers['content-type'], 'application/x-ndjson');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    for (const line of lines) {
      t.is(line['namespace'], namespace);
      t.regex(line['name'] ?? '', /^fn[12]$/);
      t.regex(line['instance'] ?? '', /./);
      t.regex(line['timestamp'] ?? '', timestamp);
    }
    t.true(
      lines.some((line) => line['text']?.includes(wanted)),
      text,
    );
  };
}

function list(...wanted: object[]): Needs {
  return (t, { text }) => {
    const listed = JSON.parse(text) as Status[];
    t.is(listed.length, wanted.length);
    for (const [at, one] of listed.entries()) isStatus(t, one, wanted[at] ?? {});
  };
}

function status(wanted: object): Needs {
  return (t, { text }) => isStatus(t, JSON.parse(text) as Status, wanted);
}

type Status = Record<string, unknown>;

const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)$/;

/** One field of another type, and Go's parser gives up on all of the list. */
function isStatus(t: ExecutionContext, told: Status, wanted: object): void {
  for (const [field, value] of Object.entries(wanted)) t.deepEqual(told[field], value, field);
  t.regex(String(told['createdAt']), timestamp);
  for (const count of ['replicas', 'availableReplicas']) t.true(Number.isSafeInteger(told[count]), count);
  for (const map of ['labels', 'annotations'])
    t.true(
      Object.values(told[map] as object).every((value) => typeof value === 'string'),
      map,
    );
  for (const map of ['envVars', 'limits', 'requests', 'constraints', 'secrets'])
    t.notDeepEqual(Object.keys((told[map] as object | undefined) ?? { some: 1 }), [], `${map} is absent, not empty`);
}
