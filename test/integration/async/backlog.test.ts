/** Calls that wait are on the disk or at NATS, and not in memory. */
import { readFile } from 'node:fs/promises';
import test, { type ExecutionContext } from 'ava';
import type { TestBerth } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { startNatsServer } from '../../helpers/nats-server.ts';
import { inspected, neededMegabytes } from '../../helpers/needed-megabytes.ts';
import { startHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';
import { queueCall } from './called.ts';
import { each } from './kill-world.ts';

/** 100 000 by test/soak/async-backlog.sh. */
const count = Number(process.env.BERTH_TEST_ASYNC_CALLS ?? 3000);

async function residentMegabytes({ pid }: TestBerth): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

async function queues(t: ExecutionContext, env: Record<string, string>): Promise<void> {
  t.timeout(600_000);
  const host = await startHost({ program: inspected, env: { log_level: 'info', ...env } });
  try {
    const { berth } = host;
    const { reference: image } = await functionImage(host.registry);
    await deploy(berth, { service: 'held', image, labels: { 'com.openfaas.async.concurrency': '1' } });
    const needed: number[] = [];
    for (const part of [0.1, 0.4, 0.5]) {
      await each(Array.from({ length: count * part }), 32, async () => {
        await queueCall(berth, 'held/sleep/600000');
      });
      needed.push(await neededMegabytes(berth));
      const resident = await residentMegabytes(berth);
      console.log(JSON.stringify({ part, calls: count, needed: needed.at(-1), resident }));
    }
    const [atFirst = 0, , atLast = 0] = needed;
    t.true(atLast - atFirst < 3, `${atFirst} MB, then ${atLast} MB`);
  } finally {
    await host.stop();
  }
}

test.serial(`${count} calls that wait on the disk take no memory`, (t) => queues(t, {}));

test.serial(`${count} calls that wait at NATS take no memory`, async (t) => {
  await using nats = await startNatsServer();
  await queues(t, { nats_url: `nats://${nats.host}` });
});
