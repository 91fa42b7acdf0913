/**
 * What OpenFaaS's certifier asks of a provider, restated in our own words as calls of the API (the certifier itself cannot be
 * fetched through every module proxy). One host; each test removes what it made, as some look at the whole list.
 */
import test from 'ava';
import { redirectorImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { statusOf } from '../integration/functions/setup.ts';
import { startCertifierHost, type CertifierHost } from './certifier-host.ts';

const namespaces = ['openfaas-fn', 'certifier-test'];
let host: CertifierHost;
let image: string;
let redirector: string;

test.before(async () => {
  host = await startCertifierHost();
  ({ image } = host);
  ({ reference: redirector } = await redirectorImage(host.registry));
  await host.berth.api('POST', '/system/namespace/', { name: 'certifier-test', labels: { openfaas: '1' } });
});
test.after.always(() => host.stop());

interface Listed {
  name: string;
  namespace: string;
  image: string;
  envProcess?: string;
  envVars?: Record<string, string>;
  constraints?: string[];
  secrets?: string[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  limits?: { memory?: string; cpu?: string };
  requests?: unknown;
  readOnlyRootFilesystem?: boolean;
  replicas: number;
  availableReplicas: number;
}

interface LogLine {
  name: string;
  namespace: string;
  instance: string;
  text: string;
  timestamp: string;
}

async function list(namespace: string): Promise<Listed[]> {
  return JSON.parse((await host.berth.api('GET', `/system/functions?namespace=${namespace}`)).text) as Listed[];
}

const someJson = JSON.stringify(
  { glossary: { title: 'example', list: [1, 2, { deep: 'x'.repeat(600) }] } },
  null,
  '\t',
);

for (const namespace of namespaces) {
  test.serial(`${namespace}: what is deployed is told back as it was sent, at once`, async (t) => {
    const common = { image, namespace, labels: {}, annotations: {} };
    const deployments = [
      { ...common, service: 'stronghash', envProcess: 'sha512sum' },
      {
        ...common,
        service: 'env-test-labels',
        envProcess: 'env',
        labels: { canary_build: 'true', upstream_uri: 'example.com' },
      },
      {
        ...common,
        service: 'env-test-annotations',
        envProcess: 'env',
        annotations: { 'important-date': 'Fri Aug 10 08:21:00 BST 2018', 'some-json': someJson },
      },
      { ...common, service: 'memory-limit', envProcess: 'env', limits: { memory: '5Mi', cpu: '100m' } },
    ];
    for (const { service, labels, annotations, ...rest } of deployments) {
      await host.deploy(t, { service, labels, annotations, ...rest });
      const one = JSON.parse(
        (await host.berth.api('GET', `/system/function/${service}?namespace=${namespace}&usage=1`)).text,
      ) as Listed;
      t.like(one, { name: service, namespace, image, labels: { ...labels, faas_function: service } });
      t.deepEqual({ ...one.annotations, ...annotations }, one.annotations, 'status is told beside what was sent');
    }
    const listed = await list(namespace);
    t.deepEqual(listed.map(({ name }) => name).sort(), deployments.map(({ service }) => service).sort());
    for (const deployment of deployments) {
      const found = listed.find(({ name }) => name === deployment.service);
      const { service: name, envProcess, labels, annotations } = deployment;
      t.like(found, { name, namespace, image, envProcess });
      t.deepEqual([found?.labels, found?.annotations], [{ ...labels, faas_function: name }, annotations]);
      t.false(found?.readOnlyRootFilesystem ?? false);
      t.is(found?.envVars, undefined);
      t.is(found?.requests, undefined);
      t.deepEqual(found?.constraints ?? [], []);
      t.deepEqual(found?.secrets ?? [], []);
      t.deepEqual(found?.limits, 'limits' in deployment ? deployment.limits : undefined);
    }
    await host.remove(t, namespace, ...deployments.map(({ service }) => service));
  });

  test.serial(`${namespace}: a function within 5 MiB answers`, async (t) => {
    const limits = { memory: '5Mi', cpu: '100m' };
    await host.deploy(t, { service: 'memory-limit', image, namespace, envProcess: 'env', limits });
    t.is((await host.berth.invoke(`memory-limit.${namespace}`)).status, 200);
    await host.remove(t, namespace, 'memory-limit');
  });

  test.serial(`${namespace}: every verb reaches the function, with call id and start time on the answer`, async (t) => {
    const nothing = { labels: null, annotations: null };
    await host.deploy(t, { service: 'env-test-verbs', image, namespace, envProcess: 'env', ...nothing });
    t.like(await statusOf(host.berth, 'env-test-verbs', `?namespace=${namespace}`), { image, namespace });
    t.true((await list(namespace)).some(({ name }) => name === 'env-test-verbs'));
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      const { status, text, headers } = await host.berth.invoke(`env-test-verbs.${namespace}`, { method });
      t.is(status, 200, method);
      t.true(text.includes(`Http_Method=${method}\n`), text);
      t.regex(headers.get('x-call-id') ?? '', /^[0-9a-f-]{36}$/);
      t.regex(headers.get('x-start-time') ?? '', /^\d{19}$/);
    }
    await host.remove(t, namespace, 'env-test-verbs');
  });

  test.serial(`${namespace}: a function's environment and the query reach its process`, async (t) => {
    const envVars = { custom_env: 'custom_env_value' };
    const nothing = { labels: null, annotations: null };
    await host.deploy(t, { service: 'env-test', image, namespace, envProcess: 'env', envVars, ...nothing });
    const plain = await host.berth.invoke(`env-test.${namespace}`, { method: 'POST' });
    t.true(plain.text.includes('custom_env=custom_env_value\n'), plain.text);
    t.false(plain.text.includes('Http_Query'));
    const queried = await host.berth.invoke(`env-test.${namespace}?testing=1`, { method: 'POST' });
    t.true(queried.text.includes('Http_Query=testing=1\n'), queried.text);
    await host.remove(t, namespace, 'env-test');
  });

  test.serial(`${namespace}: a redirect is relayed and not followed`, async (t) => {
    const service = 'redirector-test';
    const envVars = { destination: 'http://example.com' };
    await host.deploy(t, { service, image: redirector, namespace, envProcess: './handler', envVars, labels: null });
    const answer = await until(
      async () => {
        const given = await host.berth.invoke(`${service}.${namespace}`, { method: 'POST' });
        return given.status === 302 ? given : undefined;
      },
      { timeoutMs: 22_500, intervalMs: 750, message: 'the redirect' },
    );
    t.is(answer.headers.get('location'), 'http://example.com');
    await host.remove(t, namespace, service);
  });

  test.serial(`${namespace}: the first call is answered and its lines are in the log`, async (t) => {
    const service = 'test-logger';
    await host.deploy(t, { service, image, namespace, envProcess: 'cat', labels: null, annotations: null });
    await until(async () => (await statusOf(host.berth, service, `?namespace=${namespace}`)).availableReplicas >= 1, {
      timeoutMs: 60_000,
    });
    const { status, text } = await host.berth.invoke(`${service}.${namespace}`, { method: 'POST', body: namespace });
    t.deepEqual({ status, text }, { status: 200, text: namespace });
    const lines = await until(async () => {
      const read = await logs(service, namespace);
      return read.some((line) => line.text.includes('Wrote')) ? read : undefined;
    });
    t.true(lines.every((line) => line.name === service && line.namespace === namespace));
    const texts = lines.map((line) => line.text.replace(/^[0-9/: ]*/, ''));
    t.true(
      texts.some((line) => line.startsWith('Forking fprocess')),
      texts.join(),
    );
    t.true(
      texts.some((line) => line.startsWith(`Wrote ${namespace.length} Bytes`)),
      texts.join(),
    );
    await host.remove(t, namespace, service);
  });

  test.serial(`${namespace}: com.openfaas.scale.min is what a function starts with`, async (t) => {
    const labels = { 'com.openfaas.scale.min': '2' };
    await host.deploy(t, {
      service: 'test-min-scale',
      image,
      namespace,
      envProcess: 'sha512sum',
      labels,
      annotations: null,
    });
    t.is((await statusOf(host.berth, 'test-min-scale', `?namespace=${namespace}`)).replicas, 2);
    await host.remove(t, namespace, 'test-min-scale');
  });

  test.serial(`${namespace}: a function scaled to zero is woken by a call`, async (t) => {
    const service = 'test-scale-from-zero';
    await host.deploy(t, { service, image, namespace, envProcess: 'sha512sum', labels: null, annotations: null });
    const scaled = await host.berth.api('POST', `/system/scale-function/${service}?namespace=${namespace}`, {
      serviceName: service,
      replicas: 0,
    });
    t.true([200, 201, 202].includes(scaled.status), scaled.text);
    t.is((await statusOf(host.berth, service, `?namespace=${namespace}`)).replicas, 0);
    const { status, text } = await host.berth.invoke(`${service}.${namespace}`, { method: 'POST', body: 'x' });
    t.is(status, 200, text);
    t.regex(text, /^a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238b/);
    await host.remove(t, namespace, service);
  });

  for (const [name, value] of [
    ['secret-string', { value: 'this-is-the-secret-string-value' }],
    ['secret-bytes', { rawValue: btoa('this-is-the-RAW-secret-value') }],
  ] as const) {
    test.serial(`${namespace}: ${name} is made, read, changed and removed`, async (t) => {
      const { berth } = host;
      const text = 'value' in value ? value.value : atob(value.rawValue);
      const changed = { value: 'changed' };
      const names = async () =>
        JSON.parse((await berth.api('GET', `/system/secrets?namespace=${namespace}`)).text) as { name: string }[];
      const ok = async (method: string, body: object, ...statuses: number[]) => {
        const answer = await berth.api(method, '/system/secrets', { name, namespace, ...body });
        t.true(statuses.includes(answer.status), `${method}: ${answer.status} ${answer.text}`);
      };
      t.false((await names()).some((secret) => secret.name === name));
      await ok('POST', value, 200, 201, 202);
      t.true((await names()).some((secret) => secret.name === name));
      const function_ = { service: name, image, namespace, envProcess: `cat /var/openfaas/secrets/${name}` };
      await host.deploy(t, { ...function_, secrets: [name], labels: null, annotations: {} });
      t.is((await berth.invoke(`${name}.${namespace}`, { method: 'POST' })).text, text);

      await ok('PUT', changed, 200, 202);
      await host.deploy(
        t,
        { ...function_, secrets: [name], labels: null, annotations: { 'secret-hash': 'other' } },
        'PUT',
      );
      t.is((await berth.invoke(`${name}.${namespace}`, { method: 'POST' })).text, 'changed');

      await host.remove(t, namespace, name);
      await ok('DELETE', changed, 200, 202);
      t.false((await names()).some((secret) => secret.name === name));
    });
  }
}

test.serial('the namespaces are the default one and those that were made', async (t) => {
  const { text } = await host.berth.api('GET', '/system/namespaces');
  t.deepEqual((JSON.parse(text) as string[]).sort(), [...namespaces].sort());
});

async function logs(name: string, namespace: string): Promise<LogLine[]> {
  const { text } = await host.berth.api('GET', `/system/logs?follow=false&name=${name}&namespace=${namespace}`);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as LogLine);
}
