/** What the back end on a cluster does beyond what every back end does alike: see contract.test.ts. */
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { openKubernetes } from '../../src/backends/kubernetes/index.ts';
import { silentLog } from '../../src/base/log.ts';
import type { FunctionDeployment, FunctionFacts, LogMessage, Provider } from '../../src/provider/index.ts';
import { functionImage } from '../helpers/functions.ts';
import { labRegistry } from '../helpers/kubernetes-lab/registry.ts';
import { until } from '../helpers/poll.ts';
import { functionNamespace, kubeconfig, kubectl } from './cluster.ts';

/** Of this run alone. */
const namespace = `fn-${randomBytes(4).toString('hex')}`;
const missing = `${labRegistry.host}/none:1`;
const patience = { timeoutMs: 60_000 };
let image = '';
let provider: ClusterProvider;
let close: () => Promise<void>;

function open() {
  return openKubernetes({ kubeconfig, functionNamespace: namespace, imagePullSecrets: [], log: silentLog });
}

type ClusterProvider = Required<Pick<Provider, 'logs' | 'restart' | 'rollBack' | 'secrets' | 'events'>> & Provider;

test.before(async () => {
  await functionNamespace(namespace);
  image = (await functionImage(labRegistry)).reference;
  const backEnd = await open();
  provider = backEnd.provider as ClusterProvider;
  close = () => backEnd.close();
});
test.after.always(async () => {
  await close?.();
  await kubectl('delete', 'namespace', namespace, '--wait=false');
});

const nameOf = (name: string) => ({ name, namespace });

async function deployed(t: ExecutionContext, name: string, fields: Partial<FunctionDeployment> = {}): Promise<string> {
  t.timeout(120_000);
  t.teardown(() => provider.remove(nameOf(name)));
  return provider.deploy({ ...nameOf(name), image, ...fields });
}

async function factsOf(name: string): Promise<FunctionFacts> {
  return (await provider.status(nameOf(name), { usage: false })).berth ?? {};
}

/** Calls a function; what it answers is nothing where it ends by it. */
async function call(name: string, path: string): Promise<string> {
  const endpoint = await provider.resolve(nameOf(name), { waitMs: 30_000 });
  try {
    return await (await fetch(`http://${endpoint.hostname}:${endpoint.port}${path}`)).text();
  } catch {
    return '';
  } finally {
    endpoint.release({ status: 200 });
  }
}

test('a reader of logs is given the lines of each Pod that comes', async (t) => {
  await deployed(t, 'talker');
  await call('talker', '/log/before');
  const ending = new AbortController();
  const lines: LogMessage[] = [];
  const request = { ...nameOf('talker'), follow: true };
  const reading = (async () => {
    for await (const line of await provider.logs(request, ending.signal)) lines.push(line);
  })();
  const has = (text: string) => until(() => lines.find((line) => line.text.includes(text)), patience);
  const before = await has('before');
  await provider.restart(nameOf('talker'));
  await until(async () => {
    await call('talker', '/log/after');
    return lines.some(({ text, instance }) => text.includes('after') && instance !== before.instance);
  }, patience);
  // To both of its streams.
  t.is(lines.filter(({ text }) => text.includes('before')).length, 2);
  ending.abort();
  await t.notThrowsAsync(reading);
});

test('a process that ends again and again is said to, with how it ended', async (t) => {
  t.is(await deployed(t, 'crasher', { envVars: { EXIT_AT_START: '3' } }), 'accepted');
  const facts = await until(async () => {
    const found = await factsOf('crasher');
    return (found.restarts ?? 0) > 0 ? found : undefined;
  }, patience);
  t.regex(facts.reason ?? '', /process ended: with exit code 3/);
  t.regex(facts.lastExit ?? '', /exit code 3 at \d{4}/);
  await until(() => provider.events.recent().some(({ kind, name }) => kind === 'replica-exited' && name === 'crasher'));
  await t.throwsAsync(provider.resolve(nameOf('crasher'), { waitMs: 30_000 }), { message: /ends again and again/ });
});

test('what no node can take is said to', async (t) => {
  t.is(await deployed(t, 'homeless', { constraints: ['nowhere=here'] }), 'accepted');
  t.regex((await factsOf('homeless')).reason ?? '', /no node can take it \(unschedulable\)/);
});

test('a Secret that somebody has taken away is said to be what a Pod waits for', async (t) => {
  const secret = { ...nameOf('short-lived'), value: Buffer.from('x') };
  await provider.secrets.create(secret);
  await deployed(t, 'reader', { secrets: ['short-lived'] });
  await kubectl('delete', 'secret', 'short-lived', '--namespace', namespace);
  await provider.scale(nameOf('reader'), 2);
  await until(async () => /short-lived/.test((await factsOf('reader')).reason ?? ''), patience);
  await until(() =>
    provider.events.recent().some(({ name, text }) => name === 'reader' && text.includes('FailedMount')),
  );
  t.pass();
});

test('an update that fails leaves the old version as the one that is told, until it is rolled back', async (t) => {
  await deployed(t, 'steady', { labels: { version: 'first' } });
  const { generation } = await factsOf('steady');
  const next = { ...nameOf('steady'), image: missing, labels: { version: 'second' } };
  t.is(await provider.update(next), 'accepted');
  const facts = await factsOf('steady');
  t.like(facts, { generation, candidate: { image: missing } });
  t.regex(facts.failedUpdate ?? '', /image .* cannot be pulled/);
  const status = await provider.status(nameOf('steady'), { usage: false });
  t.like(status, { image, labels: { version: 'first' }, availableReplicas: 1 });
  await provider.rollBack(nameOf('steady'));
  const after = await until(async () => {
    const found = await factsOf('steady');
    return found.candidate ? undefined : found;
  }, patience);
  t.is(after.generation, generation);
});

test('a function whose update has failed wakes with the version that took calls before', async (t) => {
  await deployed(t, 'dozer', { labels: { version: 'first' } });
  const { generation } = await factsOf('dozer');
  t.is(await provider.update({ ...nameOf('dozer'), image: missing, labels: { version: 'second' } }), 'accepted');
  await until(async () => (await factsOf('dozer')).failedUpdate?.includes('cannot be pulled'), patience);
  await provider.scale(nameOf('dozer'), 0);
  const asleep = await provider.status(nameOf('dozer'), { usage: false });
  t.like(asleep, { image, replicas: 0, labels: { version: 'first' } });
  t.regex(asleep.berth?.failedUpdate ?? '', /cannot be pulled/);
  await provider.scale(nameOf('dozer'), 1);
  t.is(await call('dozer', '/echo').then(() => 'called'), 'called');
  t.like(await factsOf('dozer'), { generation, candidate: undefined });
  // A further update has it forgotten.
  t.is(await provider.update({ ...nameOf('dozer'), image }), 'ready');
  t.is((await factsOf('dozer')).failedUpdate, undefined);
});

test("a Deployment of somebody else's is left alone, and is no function", async (t) => {
  await kubectl('create', 'deployment', 'foreign', '--namespace', namespace, `--image=${image}`);
  const error = await t.throwsAsync(provider.deploy({ ...nameOf('foreign'), image }));
  t.regex(error.message, /none of berth's/);
  await t.throwsAsync(provider.remove(nameOf('foreign')), { message: /not found/ });
  t.regex(await kubectl('get', 'deployment', '--namespace', namespace, '-o', 'name'), /foreign/);
});

test("a Service of somebody else's is neither used nor removed", async (t) => {
  await kubectl('create', 'service', 'clusterip', 'occupied', '--tcp=80', '--namespace', namespace);
  const error = await t.throwsAsync(provider.deploy({ ...nameOf('occupied'), image }));
  t.like(error, { status: 409 });
  t.regex(error.message, /Service occupied that is none of berth's/);
  t.regex(await kubectl('get', 'services', '--namespace', namespace, '-o', 'name'), /occupied/);
  t.notRegex(await kubectl('get', 'deployments', '--namespace', namespace, '-o', 'name'), /occupied/);
});

test('a function that the cluster takes no replica of says why at once, also to its callers', async (t) => {
  const limited = `${namespace}-quota`;
  await functionNamespace(limited);
  t.teardown(() => kubectl('delete', 'namespace', limited, '--wait=false'));
  await kubectl('create', 'quota', 'none', '--hard=pods=0,count/deployments.apps=1', '--namespace', limited);
  // What comes before the quota is at work is not counted.
  const quota = ['get', 'quota', 'none', '--namespace', limited, '--output', 'jsonpath={.status.used}'];
  await until(async () => (await kubectl(...quota)).includes('count/deployments.apps'), patience);
  const fn = { name: 'refused', namespace: limited };
  await until(
    () =>
      provider.deploy({ ...fn, image }).then(
        (outcome) => outcome === 'accepted',
        (error: unknown) => !String(error).includes('not found'),
      ),
    patience,
  );
  const { berth } = await provider.status(fn, { usage: false });
  t.regex(berth?.reason ?? '', /replicas cannot be made.*exceeded quota/);
  await t.throwsAsync(provider.resolve(fn, { waitMs: 30_000 }), { message: /takes no replica of it/ });
  const error = await t.throwsAsync(provider.deploy({ ...fn, name: 'second', image }));
  t.like(error, { status: 400 });
  t.regex(error.message, /exceeded quota/);
});

test('a Secret of somebody else is neither shown nor changed, nor mounted', async (t) => {
  await kubectl('create', 'secret', 'generic', 'foreign', '--namespace', namespace, '--from-literal=foreign=x');
  const secret = { ...nameOf('foreign'), value: Buffer.from('mine') };
  t.false((await provider.secrets.list(namespace)).some(({ name }) => name === 'foreign'));
  await t.throwsAsync(provider.secrets.update(secret), { message: /not found/ });
  await t.throwsAsync(provider.secrets.remove(secret), { message: /not found/ });
  const deployment = { ...nameOf('thief'), image, secrets: ['foreign'] };
  await t.throwsAsync(provider.deploy(deployment), { message: /secret foreign does not exist/ });
});

test('a Service that is lost is made again by the next start', async (t) => {
  await deployed(t, 'lost');
  await kubectl('delete', 'service', 'lost', '--namespace', namespace);
  const next = await open();
  try {
    await until(() => next.provider.resolveNow?.(nameOf('lost')), patience);
  } finally {
    await next.close();
  }
  t.pass();
});

test('what the API server would refuse in words is told in them', async (t) => {
  const requests = { memory: '2Gi' };
  const error = await t.throwsAsync(
    provider.deploy({ ...nameOf('greedy'), image, requests, limits: { memory: '1Gi' } }),
  );
  t.regex(error.message, /must be less than or equal to memory limit/);
  t.like(error, { status: 400 });
});
