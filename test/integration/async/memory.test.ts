/** What calls that wait take of the daemon's memory: a number or two of each, and nothing of what was sent. */
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { startNatsServer, type TestNatsServer } from '../../helpers/nats-server.ts';
import { askable, neededBytes } from '../../helpers/needed-memory.ts';
import { until } from '../../helpers/poll.ts';
import { residentMegabytes } from '../../bench/process-figures.ts';
import { startHost, tasksOf, type TestHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';
import { each } from './kill-world.ts';

/** 100 000 by test/soak/async.sh. */
const count = Number(process.env['BERTH_TEST_ASYNC_CALLS'] ?? 5000);
/** Of the system's memory, little can be said of a short time. */
const isSoak = count >= 50_000;
const mostBytesOfCall = 300;
/** Calls that are made before it is looked at anything: under load V8 lets its heap grow to some size. */
const warmUp = isSoak ? 20_000 : 1000;
const looks = [1000, 10_000, 50_000].filter((at) => at < count).concat(count);
const metricsPort = 8082;
const body = new Uint8Array(1024);

async function startQueueHost(nats?: TestNatsServer): Promise<TestHost> {
  const program = [askable, join(import.meta.dirname, '../../../src/main.ts')];
  const host = await startHost({
    program,
    env: {
      log_level: 'info',
      metrics_port: String(metricsPort),
      upstream_timeout: '1h',
      ...(nats && { nats_url: `nats://${nats.host}` }),
    },
  });
  const { reference: image } = await functionImage(host.registry);
  await deploy(host.berth, { service: 'works', image });
  await until(async () => (await host.berth.invoke('works/')).status === 200, { message: 'the function to answer' });
  return host;
}

/** One that stands still ends no call, and loses none. */
async function signal({ containerd }: TestHost, name: NodeJS.Signals): Promise<void> {
  for (const { pid } of await tasksOf(containerd, 'works')) process.kill(pid, name);
}

async function untilEnded(calls: number, timeoutMs: number): Promise<void> {
  const processed = async () => {
    const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
    return Number(/^queue_worker_messages_processed_total\{.*\} (\d+)/m.exec(text)?.[1]);
  };
  await until(async () => (await processed()) === calls, { timeoutMs, message: `${calls} calls to end` });
}

/** Bytes that the daemon has. */
interface Look {
  needed: number;
  resident: number;
}

async function look(t: ExecutionContext, { berth }: TestHost, what: string): Promise<Look> {
  const needed = await neededBytes(berth);
  const resident = (await residentMegabytes(berth.pid)) * 1024 ** 2;
  const megabytes = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);
  t.log(`${what}: resident ${megabytes(resident)} MB, needed without garbage ${megabytes(needed)} MB`);
  return { needed, resident };
}

async function queueCalls({ berth }: TestHost, more: number): Promise<void> {
  const url = `${berth.url}/async-function/works/echo`;
  await each(Array.from({ length: more }), 32, async () => {
    const response = await fetch(url, { method: 'POST', body });
    await response.bytes();
    if (response.status !== 202) throw new Error(`answered ${response.status}`);
  });
}

async function queueAndDrain(t: ExecutionContext, nats?: TestNatsServer): Promise<void> {
  const limitMs = 120_000 + count * 20;
  t.timeout(limitMs);
  const host = await startQueueHost(nats);
  t.teardown(() => host.stop());
  // What the first calls bring along is not taken by each.
  await queueCalls(host, warmUp);
  await untilEnded(warmUp, limitMs);
  const before = await look(t, host, 'before');
  await signal(host, 'SIGSTOP');
  let queued = before;
  for (const [at, calls] of looks.entries()) {
    await queueCalls(host, calls - (looks[at - 1] ?? 0));
    queued = await look(t, host, `${calls} queued`);
  }
  await signal(host, 'SIGCONT');
  await untilEnded(warmUp + count, limitMs);
  const drained = await look(t, host, 'drained');
  for (const which of isSoak ? (['needed', 'resident'] as const) : (['needed'] as const))
    for (const [when, then] of Object.entries({ queued, drained })) {
      const bytes = Math.round((then[which] - before[which]) / count);
      t.log(`${which}, ${when}: ${bytes} bytes for each call`);
      t.true(bytes < mostBytesOfCall, `${which}, ${when}`);
    }
}

test.serial('calls on the disk take no memory of the daemon', async (t) => {
  await queueAndDrain(t);
});

test.serial('calls at a NATS server take next to no memory of the daemon', async (t) => {
  await using nats = await startNatsServer();
  await queueAndDrain(t, nats);
});
