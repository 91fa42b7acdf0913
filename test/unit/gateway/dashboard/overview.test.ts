import test from 'ava';
import { Registry } from '@prometheus-io/client';
import { silentLog } from '../../../../src/base/log.ts';
import { FunctionRows } from '../../../../src/gateway/dashboard/function-rows.ts';
import { hostView } from '../../../../src/gateway/dashboard/host-view.ts';
import { OverviewFeed } from '../../../../src/gateway/dashboard/overview-feed.ts';
import { Invocations } from '../../../../src/gateway/metrics/invocations.ts';
import { UsageSamples } from '../../../../src/gateway/metrics/usage-samples.ts';
import type { HostFacts, Provider } from '../../../../src/provider/index.ts';
import { until } from '../../../helpers/poll.ts';
import { CountingProvider } from '../counting-provider.ts';
import { startGateway } from '../with-gateway.ts';
import { openOverview, readOverview } from './read-overview.ts';

test('the overview has every function of every namespace, how it is and what its calls were like', async (t) => {
  const listener = (_: unknown, res: { writeHead(status: number): { end(): void } }) => res.writeHead(500).end();
  const { url, provider } = await startGateway(t, { listener });
  provider.add('env', 2);
  provider.add('asleep', 0);
  provider.add('other', 1, {}, 'dev');
  provider.add('slow', 1).availableReplicas = 0;
  const namespaces = { list: () => Promise.resolve(['openfaas-fn', 'dev']) };
  Object.assign(provider, { namespaces });
  await fetch(`${url}/function/env`);
  const { functions, host, pulls } = await readOverview(url);
  t.deepEqual(
    functions.map(({ name, namespace, state }) => `${name}.${namespace} ${state}`),
    ['env.openfaas-fn ready', 'asleep.openfaas-fn asleep', 'slow.openfaas-fn starting', 'other.dev ready'],
  );
  const [env, asleep] = functions;
  t.like(env, { image: 'test', wanted: 2, ready: 2, calls: 1, inFlight: 0, errorShare: 1, callsPerSecond: 0.017 });
  t.true(env && env.p50Ms !== undefined && env.p50Ms > 0 && env.p50Ms === env.p99Ms);
  t.deepEqual(asleep, {
    name: 'asleep',
    namespace: 'openfaas-fn',
    state: 'asleep',
    image: 'test',
    wanted: 0,
    ready: 0,
    calls: 0,
    callsPerSecond: 0,
    inFlight: 0,
  });
  t.like(host, { release: '0.0.0', sha: 'abc', ready: true, problems: [], partsCount: 0, can: ['namespaces'] });
  t.true(host.cpus > 0 && host.memoryBytes > host.freeMemoryBytes && host.load.length === 3);
  t.deepEqual(pulls, []);
});

test('why a function is not ready, which file keeps it, what it uses and which parts are unwell is told', async (t) => {
  const parts = () => [
    { name: 'disk', healthy: true },
    { name: 'firewall', healthy: false, problem: 'nft is not there', mend: 'apt install nftables' },
  ];
  const { url, provider } = await startGateway(t, { gateway: { parts } });
  provider.add('failing', 1).availableReplicas = 0;
  provider.functions.get('failing.openfaas-fn')!.berth = { reason: 'its process ended with 1' };
  provider.add('file', 1);
  const file = { path: '/etc/berth/functions.d/a.yml', digest: 'x' };
  Object.assign(provider, {
    fromFiles: () => Promise.resolve([{ name: 'file', namespace: 'openfaas-fn', file }]),
  });
  const { functions, host } = await readOverview(url);
  t.like(functions[0], { state: 'failing', reason: 'its process ended with 1' });
  t.like(functions[1], { state: 'ready', file: file.path });
  t.deepEqual(host.problems, [{ name: 'firewall', problem: 'nft is not there', mend: 'apt install nftables' }]);
  t.is(host.partsCount, 2);
});

test('a page is told all at first, then the rows that change and those that are gone, and nothing where nothing does', async (t) => {
  const { url, provider } = await startGateway(t);
  holdHostStill(provider);
  for (let i = 0; i < 50; i++) provider.add(`fn-${i}`, 0);
  const [page, other] = [await openOverview(t, url), await openOverview(t, url)];
  await until(() => page.events.length >= 2 && other.events.length >= 2, { timeoutMs: 10_000, message: 'both' });
  t.is(page.functions()[0]?.functions.length, 50);
  t.true(page.functions()[0]?.whole);
  const before = page.bytes;
  provider.add('fn-3', 1);
  await provider.remove({ name: 'fn-4', namespace: 'openfaas-fn' });
  for (const one of [page, other]) {
    await until(() => one.functions().length > 1, { timeoutMs: 10_000, message: 'a change' });
    const change = one.functions()[1];
    t.false(change?.whole);
    t.deepEqual(
      change?.functions.map(({ name, state }) => `${name} ${state}`),
      ['fn-3 ready'],
    );
    t.deepEqual(change?.gone, [{ name: 'fn-4', namespace: 'openfaas-fn' }]);
  }
  t.true(page.bytes - before < 1000, `${page.bytes - before} bytes for two of 50 rows`);
});

test('all open pages share one look, and nobody looks while none is open', async (t) => {
  const provider = new CountingProvider();
  holdHostStill(provider);
  let lists = 0;
  let listedMs = 0;
  const list = provider.list.bind(provider);
  provider.list = (namespace) => {
    lists += 1;
    listedMs = performance.now();
    return list(namespace);
  };
  const usage = new UsageSamples({ provider, log: silentLog });
  const invocations = new Invocations(new Registry());
  const rows = new FunctionRows({ provider, defaultNamespace: 'openfaas-fn', invocations, usage, log: silentLog });
  const host = () =>
    hostView({
      provider,
      apiPort: 8080,
      version: { release: '1', sha: 'a' },
      ready: () => true,
      hasAsyncCalls: true,
    });
  const feed = new OverviewFeed({ provider, rows, usage, host, log: silentLog });
  const leaving = new AbortController();
  const told = [0, 0, 0];
  for (const at of told.keys()) await feed.follow(() => (told[at] = (told[at] ?? 0) + 1), leaving.signal);
  t.deepEqual([lists, ...told], [3, 2, 2, 2], 'each page is told functions and host');
  for (const name of ['a', 'b']) {
    const before = lists;
    provider.add(name, 1);
    await until(() => lists > before, { message: 'a look' });
    await new Promise((resolve) => setImmediate(resolve));
    t.is(lists, before + 1);
  }
  t.deepEqual(told, [4, 4, 4]);
  leaving.abort();
  await until(() => performance.now() - listedMs > 2500, { message: 'no more looks' });
});

test('pulls are told as they go on', async (t) => {
  const { url, provider } = await startGateway(t);
  const pull = { image: 'a', namespace: 'openfaas-fn', bytes: 1, totalBytes: 10 };
  let pulls = [pull];
  Object.assign(provider, { pulls: () => pulls });
  const page = await openOverview(t, url);
  const told = () => page.events.filter(({ name }) => name === 'pulls').map(({ data }) => data);
  await until(() => told().length > 0, { timeoutMs: 10_000, message: 'the pull' });
  pulls = [{ ...pull, bytes: 5 }];
  await until(() => told().length > 1, { timeoutMs: 10_000, message: 'its progress' });
  pulls = [];
  await until(() => told().length > 2, { timeoutMs: 10_000, message: 'its end' });
  t.deepEqual(told(), [[pull], [{ ...pull, bytes: 5 }], []]);
});

/** A host whose load and free memory never move: of a real one pages are told these at any moment. */
function holdHostStill(provider: Provider): void {
  const facts: HostFacts = {
    hostname: 'still',
    kernel: '6.1',
    uptimeSeconds: 1,
    versions: {},
    cpus: 1,
    load: [0, 0, 0],
    memoryBytes: 2,
    freeMemoryBytes: 1,
    disks: [],
  };
  provider.host = () => Promise.resolve(facts);
}
