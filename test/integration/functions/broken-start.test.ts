/** What a start that is cut off half-way leaves: a process unknown to containerd, or a task whose container has no record. */
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import test from 'ava';
import { Containerd } from '../../../src/containerd/index.ts';
import { functionImage } from '../../helpers/functions.ts';
import { leftovers, untilNothingIsLeft } from '../../helpers/leftovers.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, tasksIn, untilAvailable } from './setup.ts';

/** What runc's init waits on before it becomes the function. */
const startFifo = (id: string) => `/run/containerd/runc/openfaas-fn/${id}/exec.fifo`;

test.serial('a task whose record somebody deleted is ended, and another takes its place', async (t) => {
  const host = await startHost();
  try {
    const { berth, containerd, registry } = host;
    const { reference: image } = await functionImage(registry);
    t.is((await berth.api('POST', '/system/functions', { service: 'fn', image })).status, 202);
    const [lost] = await tasksIn(containerd);
    const client = new Containerd({ address: containerd.address });
    await client.namespace('openfaas-fn').containers.delete(lost?.container ?? '');
    client.close();
    await berth.kill();
    await berth.start();
    await untilAvailable(berth, 'fn', 1);
    await until(() => !existsSync(`/proc/${lost?.pid}`), { message: 'the lost process to end' });
    const tasks = await tasksIn(containerd);
    t.is(tasks.length, 1);
    t.not(tasks[0]?.container, lost?.container);
    t.is((await berth.invoke('fn')).status, 200);
  } finally {
    await host.stop();
  }
});

for (const [moment, cutOff] of [
  ['before it begins', async () => {}],
  ['after the process runs', async (id: string) => void (await readFile(startFifo(id)))],
  [
    'after runc has cleared up',
    async (id: string) => {
      await readFile(startFifo(id));
      await rm(startFifo(id));
    },
  ],
] as const) {
  test.serial(`a start that is cut off ${moment} is made good, and what it began is gone`, async (t) => {
    const host = await startHost({ env: { berth_crash_at: 'start.process' } });
    try {
      const { berth, containerd, registry } = host;
      const { reference: image } = await functionImage(registry);
      await t.throwsAsync(berth.api('POST', '/system/functions', { service: 'fn', image }));
      const [begun] = await tasksIn(containerd);
      t.is(begun?.status, 'CREATED');
      await cutOff(begun?.container ?? '');
      await berth.start({ env: { berth_crash_at: '' } });
      await untilAvailable(berth, 'fn', 1);
      t.is((await berth.invoke('fn')).status, 200);
      t.is((await tasksIn(containerd)).length, 1);
      t.is((await berth.api('DELETE', '/system/functions', { functionName: 'fn' })).status, 202);
      await untilNothingIsLeft(() => leftovers(containerd, berth));
    } finally {
      await host.stop();
    }
  });
}
