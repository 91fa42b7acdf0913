/** What OpenFaaS's certifier asks of a gateway, restated in our own words: information, unknown functions, scaling. */
import test from 'ava';
import { until } from '../helpers/poll.ts';
import { statusOf, untilAvailable } from '../integration/functions/setup.ts';
import { startCertifierHost, type CertifierHost } from './certifier-host.ts';

let host: CertifierHost;
let image: string;

test.before(async () => {
  host = await startCertifierHost();
  ({ image } = host);
});
test.after.always(() => host.stop());

test.serial('health is open', async (t) => {
  t.is((await fetch(`${host.berth.url}/healthz`)).status, 200);
});

test.serial('the information about gateway and provider is complete', async (t) => {
  const info = JSON.parse((await host.berth.api('GET', '/system/info')).text) as {
    provider: { provider: string; orchestration: string; version: { release: string; sha: string } };
    version: { release: string; sha: string };
  };
  const { provider, version } = info;
  for (const text of [provider.provider, provider.orchestration, provider.version.release, provider.version.sha])
    t.regex(text, /\S/);
  t.regex(version.release, /\S/);
  t.regex(version.sha, /\S/);
});

test.serial('the empty name and an unknown one are not found', async (t) => {
  for (const name of ['.openfaas-fn', 'nobody.openfaas-fn', 'nobody'])
    t.is((await host.berth.invoke(name, { method: 'POST' })).status, 404, name);
});

test.serial('load scales a function up to its maximum and its end down again', async (t) => {
  const service = 'test-throughput-scaling';
  const labels = { 'com.openfaas.scale.min': '1', 'com.openfaas.scale.max': '2' };
  await host.deploy(t, { service, image, envProcess: 'sha512sum', labels, annotations: null });
  await untilAvailable(host.berth, service, 1);
  const ending = new AbortController();
  const load = callUntil(service, ending.signal);
  await until(async () => (await statusOf(host.berth, service)).replicas >= 2, { timeoutMs: 60_000 });
  ending.abort();
  t.true((await load).every((status) => status === 200));
  await until(async () => (await statusOf(host.berth, service)).replicas === 1, { timeoutMs: 60_000 });
  await host.remove(t, 'openfaas-fn', service);
});

test.serial('a function that may sleep is scaled up by load, and to zero when nobody calls', async (t) => {
  const service = 'test-scaling-to-zero';
  const zero = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '1s' };
  const labels = { ...zero, 'com.openfaas.scale.max': '2' };
  await host.deploy(t, { service, image, envProcess: 'sha512sum', labels, annotations: null });
  const ending = new AbortController();
  const load = callUntil(service, ending.signal);
  await until(async () => (await statusOf(host.berth, service)).replicas === 2, { timeoutMs: 60_000 });
  ending.abort();
  t.true((await load).every((status) => status === 200));
  await until(async () => (await statusOf(host.berth, service)).replicas === 0, { timeoutMs: 60_000 });
  await host.remove(t, 'openfaas-fn', service);
});

test.serial('a function whose minimum is its maximum keeps its replicas under load', async (t) => {
  const service = 'test-scaling-disabled';
  const labels = { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.max': '2' };
  await host.deploy(t, { service, image, envProcess: 'sha512sum', labels, annotations: null });
  for (let calls = 0; calls < 200; calls += 10) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => host.berth.invoke(service, { method: 'POST', body: 'x' })),
    );
    t.true(answers.every(({ status }) => status === 200));
  }
  t.is((await statusOf(host.berth, service)).replicas, 2);
  await host.remove(t, 'openfaas-fn', service);
});

/** Four callers that never pause. Gives the status of every answer. */
async function callUntil(name: string, signal: AbortSignal): Promise<number[]> {
  const statuses: number[] = [];
  const call = async () => {
    while (!signal.aborted) statuses.push((await host.berth.invoke(name, { method: 'POST', body: 'x' })).status);
  };
  await Promise.all(Array.from({ length: 4 }, call));
  return statuses;
}
