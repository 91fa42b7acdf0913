/** The backlog of one function holds up no other's call, even where few calls may be made at once. */
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, type TestHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';

const backlog = 5000;
const slots = 4;

let host: TestHost;
test.before(async () => {
  host = await startHost({ env: { async_concurrency: String(slots), log_level: 'info' } });
  const { reference: image } = await functionImage(host.registry);
  await deploy(host.berth, { service: 'slow', image, labels: { 'com.openfaas.async.concurrency': '1000' } });
  await deploy(host.berth, { service: 'other', image });
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

async function post(path: string): Promise<string> {
  const response = await fetch(`${host.berth.url}/async-function/${path}`, { method: 'POST' });
  if (response.status !== 202) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  await response.text();
  return response.headers.get('x-call-id') ?? '';
}

async function slowCalls(): Promise<Record<string, unknown>> {
  const { text } = await host.berth.api('GET', '/system/async?function=slow&limit=1');
  return (JSON.parse(text) as { functions: Record<string, unknown>[] }).functions[0] ?? {};
}

test('a call is made while thousands of slow ones of another function wait, and none of those has ended', async (t) => {
  let left = backlog;
  const poster = async () => {
    while (left-- > 0) await post('slow/sleep/600000');
  };
  await Promise.all(Array.from({ length: 16 }, poster));
  const waiting = { queued: backlog - slots + 1, running: slots - 1, done: 0, failed: 0 };
  await until(async () => (await slowCalls()).running === waiting.running);
  t.like(await slowCalls(), waiting);

  for (const at of [1, 2]) {
    const acceptedMs = performance.now();
    const id = await post('other/echo');
    await until(async () => (await host.berth.api('GET', `/async-function/${id}`)).text.includes('"state":"done"'), {
      intervalMs: 2,
    });
    t.log(`call ${at} was made ${Math.round(performance.now() - acceptedMs)} ms after it was posted`);
  }
  t.like(await slowCalls(), waiting);
});
