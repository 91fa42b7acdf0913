/** What docs/monitoring has, with a real Prometheus and a real Alertmanager, and counts that go on over restarts. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { password } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { check, startAlertmanager, startPrometheus, type TestPrometheus } from '../helpers/prometheus.ts';
import { listOf, startHost, statusOf, type TestHost } from '../integration/functions/setup.ts';

const monitoring = join(import.meta.dirname, '../../docs/monitoring');
const file = (name: string) => readFile(join(monitoring, name), 'utf8');
const metricsPort = 18_082;

let host: TestHost;
let image: string;

test.before(async () => {
  host = await startHost({ env: { metrics_port: String(metricsPort) } });
  image = (await functionImage(host.registry)).reference;
  // Kept by the time that they are asked for, in the last test.
  await deploy('counted');
  await call('counted/', 5);
});
test.after.always(() => host.stop());

async function deploy(service: string, labels: Record<string, string> = {}): Promise<void> {
  const { status, text } = await host.berth.api('POST', '/system/functions', { service, image, labels });
  if (status !== 202) throw new Error(`${status} ${text}`);
}

async function call(path: string, times: number): Promise<void> {
  for (let done = 0; done < times; done += 1) await host.berth.invoke(path);
}

/** Calls again and again until the act is over. */
async function underLoad(load: () => Promise<unknown>, act: () => Promise<void>): Promise<void> {
  let isOver = false;
  const loading = (async () => {
    while (!isOver) await load();
  })();
  await act().finally(() => (isOver = true));
  await loading;
}

/** The shipped configuration, only that all goes faster, and where this berth is. */
async function prometheus(): Promise<TestPrometheus> {
  const config = await file('prometheus.yml');
  const faster = config.replaceAll(/interval: 5s/g, 'interval: 1s').replace(':8082', `:${metricsPort}`);
  const alerts = (await file('alerts.yml')).replaceAll(/\[[23]0s\]/g, '[4s]').replaceAll(/for: \d+s/g, 'for: 1s');
  return startPrometheus({ 'prometheus.yml': faster, 'alerts.yml': alerts });
}

test.serial('the shipped files are what Prometheus and Alertmanager take', async (t) => {
  t.is(await check('promtool', 'check', 'config', join(monitoring, 'prometheus.yml')), '');
  t.is(await check('promtool', 'check', 'rules', join(monitoring, 'alerts.yml')), '');
  t.is(await check('amtool', 'check-config', join(monitoring, 'alertmanager.yml')), '');
});

interface Panel {
  title: string;
  targets?: { expr: string }[];
}

/** What the dashboard asks Prometheus, with a choice made for its variables. */
async function dashboardQueries(): Promise<string[]> {
  const { panels } = JSON.parse(await file('grafana-dashboard.json')) as { panels: Panel[] };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return queries.map((query) => query.replaceAll('$__rate_interval', '10s').replaceAll('$function', '.*'));
}

test.serial('each query of the Grafana dashboard finds data, CPU and memory among them', async (t) => {
  const { berth } = host;
  await deploy('seen', { 'com.openfaas.scale.max': '3', 'com.openfaas.scale.type': 'capacity' });
  await using server = await prometheus();
  const load = () =>
    Promise.all([berth.invoke('seen/'), berth.invoke('seen/status/500'), berth.api('GET', '/system/info')]);
  const queries = await dashboardQueries();
  t.true(queries.length >= 20);
  await underLoad(load, async () => {
    // Two wakes, as only what grows between two scrapes has a rate.
    for (const wakes of [1, 2]) {
      await berth.api('POST', '/system/scale-function/seen', { serviceName: 'seen', replicas: 0 });
      const seen = `berth_function_wake_seconds_count{function_name="seen.openfaas-fn"} == ${wakes}`;
      await until(async () => (await server.query(seen)).length > 0, { message: seen });
    }
    const of = '{function_name="seen.openfaas-fn",namespace="openfaas-fn"}';
    queries.push(`pod_cpu_usage_seconds_total${of} > 0`, `pod_memory_working_set_bytes${of} > 10000`);
    await berth.invoke('seen/exit/1').catch(() => {});
    queries.push(`berth_function_restarts_total${of} > 0`);
    for (const query of queries) {
      const hasData = async () => (await server.query(query)).some(({ value: [, value] }) => value !== 'NaN');
      await until(hasData, { timeoutMs: 15_000, message: query });
    }
  });
});

test.serial('an alert scales up, and what it added is taken back when it is resolved', async (t) => {
  const { berth } = host;
  await deploy('called', { 'com.openfaas.scale.min': '1', 'com.openfaas.scale.factor': '10' });
  const passwordFile = join(berth.folder, 'alertmanager-password');
  await writeFile(passwordFile, password);
  const config = (await file('alertmanager.yml'))
    .replace(':8080', `:${berth.port}`)
    .replace('/etc/prometheus/berth-password', passwordFile)
    .replaceAll(/(group_wait|group_interval): \d+s/g, '$1: 1s');
  await using servers = new AsyncDisposableStack();
  servers.use(await startAlertmanager(config));
  servers.use(await prometheus());
  const untilReplicas = (count: number) =>
    until(async () => (await statusOf(berth, 'called')).replicas === count, {
      timeoutMs: 30_000,
      message: `${count} replicas`,
    });
  await underLoad(
    () => berth.invoke('called/sleep/20'),
    () => untilReplicas(3).then(() => undefined),
  );
  await untilReplicas(1);
  t.regex(await berth.log(), /function scaled by alert.*called/);
});

test.serial('counts go on over a crash and over a restart', async (t) => {
  const { berth } = host;
  const counted = async () => {
    const status = (await listOf(berth)).find(({ name }) => name === 'counted');
    return (status as { invocationCount?: number } | undefined)?.invocationCount;
  };
  const isKept = async () => {
    const kept: unknown = JSON.parse(await readFile(join(berth.folder, 'data/counts.json'), 'utf8'));
    return (kept as { functions: Record<string, { started: number }> }).functions['counted.openfaas-fn']?.started === 5;
  };
  await until(isKept, { timeoutMs: 10_000, message: 'the counts, 10 s after the calls at most' });
  await berth.kill('SIGKILL');
  await berth.start();
  t.is(await counted(), 5);
  await call('counted/', 3);
  await berth.kill('SIGTERM');
  await berth.start();
  t.is(await counted(), 8);
  const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  t.true(page.includes('gateway_functions_seconds_count{function_name="counted.openfaas-fn",code="200"} 8'), page);
});
