import test from 'ava';
import { faultPoints } from '../../../src/backends/containerd/fault-points.ts';
import { startBerth, type TestBerth } from '../../helpers/berth.ts';
import { startContainerd, type TestContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { leftovers, untilNothingIsLeft } from '../../helpers/leftovers.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry } from '../../helpers/registry.ts';

/** Task processes of a namespace by container id. */
async function pids(containerd: TestContainerd): Promise<Map<string, string>> {
  const text = await containerd.ctr('--namespace', 'openfaas-fn', 'tasks', 'list');
  return new Map(
    text
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/) as [string, string]),
  );
}

interface Shown {
  name: string;
  image: string;
  replicas: number;
  availableReplicas: number;
}

async function list(berth: TestBerth): Promise<Shown[]> {
  return JSON.parse((await berth.api('GET', '/system/functions')).text) as Shown[];
}

test.serial(
  'killed at any named step of deploy, update, scale and remove, the daemon converges after its restart',
  async (t) => {
    t.timeout(600_000);
    await using containerd = await startContainerd();
    await using registry = await startRegistry();
    await using berth = await startBerth({ containerd, env: { networks_ready: '2' } });
    const { reference: one } = await functionImage(registry, { env: ['VERSION=one'] });
    const { reference: two } = await functionImage(registry, { tag: 'two', env: ['VERSION=two'] });
    await berth.api('POST', '/system/functions', { service: 'steady', image: one });
    const steady = await pids(containerd);

    /** Sends requests until the crash ends one; what the last answer was does not matter, the state afterwards does. */
    async function workUntilCrash(): Promise<void> {
      const body = (image: string) => ({ service: 'victim', image });
      try {
        await berth.api('POST', '/system/functions', body(one));
        await berth.api('PUT', '/system/functions', body(two));
        await berth.api('POST', '/system/scale-function/victim', { replicas: 2 });
        await berth.api('POST', '/system/scale-function/victim', { replicas: 1 });
        await berth.api('DELETE', '/system/functions', { functionName: 'victim' });
        // Steps that go on behind the answers.
        await until(() => berth.api('GET', '/healthz').then(() => false), { timeoutMs: 10_000 });
      } catch {
        return;
      }
    }

    // Every point on one line of containerd, some on the others: the code is the same.
    const points = faultPoints.filter((_, at) => containerd.version.startsWith('1.6.') || at % 4 === 0);
    for (const point of points) {
      await berth.kill();
      await berth.start({ env: { berth_crash_at: point }, unready: true });
      await workUntilCrash();
      await t.notThrowsAsync(
        until(
          () =>
            berth.api('GET', '/healthz').then(
              () => false,
              () => true,
            ),
          { timeoutMs: 20_000 },
        ),
        `${point} is reached`,
      );
      await berth.kill('SIGKILL');
      await berth.start();

      const functions = await list(berth);
      const victim = functions.find(({ name }) => name === 'victim');
      if (victim) {
        t.true([one, two].includes(victim.image), point);
        await until(async () => (await list(berth)).every((fn) => fn.availableReplicas === fn.replicas), {
          timeoutMs: 20_000,
          message: `all ready after ${point}`,
        });
        t.is((await berth.invoke('victim')).status, 200, point);
        t.is((await berth.api('DELETE', '/system/functions', { functionName: 'victim' })).status, 202);
      }
      await until(async () => (await pids(containerd)).size === 1, {
        timeoutMs: 30_000,
        message: `only steady after ${point}`,
      });
      await until(async () => (await leftovers(containerd, berth)).containers.length === 1, { message: point });
      t.deepEqual(await pids(containerd), steady, `the steady function kept its process through ${point}`);
    }

    // What was kept ready for replicas to come has gone with the daemon that did so.
    await berth.kill('SIGKILL');
    await berth.start({ env: { networks_ready: '0' } });
    await berth.api('DELETE', '/system/functions', { functionName: 'steady' });
    await untilNothingIsLeft(() => leftovers(containerd, berth));
  },
);
