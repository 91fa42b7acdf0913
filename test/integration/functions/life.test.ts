import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxImage, functionImage } from '../../helpers/functions.ts';
import type { HostFacts, ReplicaStatus } from '../../../src/index.ts';
import { until } from '../../helpers/poll.ts';
import {
  listOf,
  replicasOf,
  startHost,
  statusOf,
  taskOf,
  tasksOf,
  untilAvailable,
  untilStatus,
  wholeLog,
  type StatusAnswer,
  type TestHost,
} from './setup.ts';
import { startTraffic } from './traffic.ts';

let host: TestHost;
let image: string;

test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry, { env: ['VERSION=one'] })).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
  // What one test left must not fail the next.
  for (const { name } of await listOf(host.berth)) await remove(name);
});

async function deploy(t: ExecutionContext, body: { service: string; [key: string]: unknown }): Promise<void> {
  const answer = await host.berth.api('POST', '/system/functions', { image, ...body });
  t.is(answer.status, 202, answer.text);
}

async function scale(t: ExecutionContext, name: string, replicas: number): Promise<void> {
  const answer = await host.berth.api('POST', `/system/scale-function/${name}`, { replicas });
  t.is(answer.status, 202, answer.text);
}

const isRestarted = ({ berth, availableReplicas }: StatusAnswer) => berth.restarts === 1 && availableReplicas === 1;

const remove = (functionName: string) => host.berth.api('DELETE', '/system/functions', { functionName });
const pidsOf = async (name: string) => (await tasksOf(host.containerd, name)).map(({ pid }) => pid);

async function untilAsleep(name: string): Promise<void> {
  await until(async () => (await tasksOf(host.containerd, name)).length === 0, { message: `${name} to sleep` });
}

test.serial('a killed process is started again without a call, and the status says what ended it', async (t) => {
  await deploy(t, { service: 'victim' });
  const { pid } = await taskOf(host.containerd, 'victim');
  process.kill(pid, 'SIGKILL');
  const restarted = await untilStatus(host.berth, 'victim', isRestarted);
  t.regex(restarted.berth.lastExit ?? '', /signal 9/);
  t.notDeepEqual(await pidsOf('victim'), [pid]);
  t.is((await host.berth.invoke('victim')).status, 200);
});

test.serial(
  'a restart brings a replica of the same version, told with its address; one that sleeps goes on sleeping',
  async (t) => {
    const { berth } = host;
    await deploy(t, { service: 'fresh' });
    const replicas = async () => {
      const { text } = await berth.api('GET', '/system/function/fresh/replicas');
      return JSON.parse(text) as ReplicaStatus[];
    };
    const [old] = await replicas();
    t.like(old, { state: 'ready', restarts: 0, inFlight: 0 });
    t.regex(old?.address ?? '', /^\d+\.\d+\.\d+\.\d+$/);
    const before = (await statusOf(berth, 'fresh')).berth;
    t.is((await berth.api('POST', '/system/restart-function/fresh')).status, 202);
    const { berth: after } = await untilStatus(berth, 'fresh', (now) => now.berth.generation !== before.generation);
    t.is(after.deployedAt, before.deployedAt);
    t.is(after.previous, undefined);
    const [now] = await until(async () => {
      const found = await replicas();
      return found.length === 1 && found[0]?.state === 'ready' ? found : undefined;
    });
    t.not(now?.id, old?.id);
    t.is((await berth.api('POST', '/system/rollback-function/fresh')).status, 409);
    await scale(t, 'fresh', 0);
    await untilAsleep('fresh');
    t.is((await berth.api('POST', '/system/restart-function/fresh')).status, 202);
    await until(async () => (await replicas()).length === 0);
    t.like(await statusOf(berth, 'fresh'), { replicas: 0, berth: { generation: after.generation } });
    t.is((await berth.api('POST', '/system/restart-function/none')).status, 404);
    t.is((await berth.api('GET', '/system/function/none/replicas')).status, 404);
    t.is((await berth.api('GET', '/system/pulls')).text, '[]');
    const { versions, disks } = JSON.parse((await berth.api('GET', '/system/host')).text) as HostFacts;
    t.regex(`${versions.containerd} ${versions.runc}`, /^\d+\.\d+\S* \d+\.\d+\S*$/);
    t.true(disks.length > 0);
  },
);

test.serial('a restart of what cannot start any more leaves the old replica, and the status says why', async (t) => {
  const { berth, registry } = host;
  await berth.api('POST', '/system/secrets', { name: 'mode', value: 'good' });
  const served = 'grep -q good /var/openfaas/secrets/mode && exec httpd -f -p 8080 -h /www';
  const guarded = await busyboxImage(registry, { name: 'guarded', config: { Cmd: ['sh', '-c', served] } });
  await deploy(t, { service: 'guarded', image: guarded.reference, secrets: ['mode'] });
  const pids = await pidsOf('guarded');
  await berth.api('PUT', '/system/secrets', { name: 'mode', value: 'bad' });
  t.is((await berth.api('POST', '/system/restart-function/guarded')).status, 202);
  const { berth: facts, availableReplicas } = await untilStatus(
    berth,
    'guarded',
    (now) => now.berth.failedUpdate !== undefined,
  );
  t.regex(facts.failedUpdate ?? '', /^a restart failed: its process exited with code 1/);
  t.is(facts.candidate, undefined);
  t.is(availableReplicas, 1);
  await until(async () => (await pidsOf('guarded')).length === 1);
  t.deepEqual(await pidsOf('guarded'), pids);
});

test.serial('a function that ends itself is started again, and the status says its exit code', async (t) => {
  await deploy(t, { service: 'quitter' });
  await host.berth.invoke('quitter/exit/17', { method: 'POST' });
  const status = await untilStatus(host.berth, 'quitter', isRestarted);
  t.regex(status.berth.lastExit ?? '', /code 17/);
});

test.serial(
  'a function that exits at its start is accepted, listed with nothing ready, and its status says why',
  async (t) => {
    await deploy(t, { service: 'stillborn', envVars: { EXIT_AT_START: '42' } });
    const [listed] = await listOf(host.berth);
    t.like(listed, { name: 'stillborn', replicas: 1, availableReplicas: 0 });
    const { berth } = await statusOf(host.berth, 'stillborn');
    t.regex(berth.lastExit ?? '', /code 42/);
    const logs = await until(async () => {
      const { text } = await host.berth.api('GET', '/system/logs?name=stillborn');
      return text.includes('ending at start') ? text : undefined;
    });
    t.regex(logs, /ending at start with 42/);
    t.is((await remove('stillborn')).status, 202);
    await until(async () => (await replicasOf(host.containerd, 'stillborn')).length === 0);
  },
);

test.serial(
  'an image whose command cannot be run is accepted, shown with the reason, and mended by an update',
  async (t) => {
    const broken = await functionImage(host.registry, { tag: 'broken', config: { Entrypoint: ['/no/such/program'] } });
    await deploy(t, { service: 'broken', image: broken.reference });
    const status = await untilStatus(host.berth, 'broken', ({ berth }) => berth.reason !== undefined);
    t.is(status.availableReplicas, 0);
    t.regex(status.berth.reason ?? '', /no such file/);
    const mended = await host.berth.api('PUT', '/system/functions', { service: 'broken', image });
    t.is(mended.status, 200, mended.text);
    t.is((await host.berth.invoke('broken')).status, 200);
  },
);

test.serial('scaled to zero a function has no process, and the next call wakes it and is answered', async (t) => {
  await deploy(t, { service: 'sleeper' });
  await scale(t, 'sleeper', 0);
  await untilAsleep('sleeper');
  t.like(await statusOf(host.berth, 'sleeper'), { replicas: 0, availableReplicas: 0 });
  t.is((await host.berth.invoke('sleeper')).status, 200);
  t.like(await statusOf(host.berth, 'sleeper'), { replicas: 1, availableReplicas: 1 });
});

test.serial('fifty callers at once of a sleeping function are all answered, by one process', async (t) => {
  await deploy(t, { service: 'crowd', envVars: { START_DELAY_MS: '500' } });
  await scale(t, 'crowd', 0);
  await untilAsleep('crowd');
  const answers = await Promise.all(Array.from({ length: 50 }, () => host.berth.invoke('crowd/pid')));
  t.deepEqual(
    answers.filter(({ status }) => status !== 200),
    [],
  );
  t.is((await pidsOf('crowd')).length, 1);
});

test.serial('a call in flight is finished when its function is scaled to zero', async (t) => {
  await deploy(t, { service: 'finishing' });
  const call = host.berth.invoke('finishing/sleep/1500');
  await until(async () => (await statusOf(host.berth, 'finishing')).availableReplicas === 1);
  await scale(t, 'finishing', 0);
  t.is((await call).status, 200);
  await untilAsleep('finishing');
});

test.serial(
  'scaled to three, three replicas with addresses of their own share the calls; scaled back, one is left',
  async (t) => {
    await deploy(t, { service: 'many' });
    await scale(t, 'many', 3);
    await untilAvailable(host.berth, 'many', 3);
    // Each call is held, so that the next one goes elsewhere.
    const slow = Array.from({ length: 9 }, () => host.berth.invoke('many/sleep/300'));
    const served = new Set<string>();
    for (const id of await replicasOf(host.containerd, 'many')) served.add(id);
    t.is(served.size, 3);
    t.deepEqual(new Set((await Promise.all(slow)).map(({ status }) => status)), new Set([200]));
    const addresses = await Promise.all(
      Array.from({ length: 9 }, async () => {
        const { text } = await host.berth.invoke('many/file/etc/hosts');
        return /^(10\.\S+) many$/m.exec(text)?.[1];
      }),
    );
    t.is(new Set(addresses).size, 3);
    await scale(t, 'many', 1);
    await until(async () => (await replicasOf(host.containerd, 'many')).length === 1, { timeoutMs: 20_000 });
    t.is((await host.berth.invoke('many')).status, 200);
  },
);

test.serial('the scale labels bound what is asked for, but zero is always allowed', async (t) => {
  await deploy(t, { service: 'bound', labels: { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.max': '3' } });
  t.like(await statusOf(host.berth, 'bound'), { replicas: 2, availableReplicas: 2 });
  await scale(t, 'bound', 9);
  t.is((await statusOf(host.berth, 'bound')).replicas, 3);
  await scale(t, 'bound', 1);
  t.is((await statusOf(host.berth, 'bound')).replicas, 2);
  await scale(t, 'bound', 0);
  await untilAsleep('bound');
  t.is((await host.berth.invoke('bound')).status, 200);
  await untilAvailable(host.berth, 'bound', 2);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test.serial(
    `after ${signal} and a new start of the daemon what slept sleeps and what ran runs as it was`,
    async (t) => {
      await deploy(t, { service: 'asleep' });
      await deploy(t, { service: 'awake' });
      await scale(t, 'asleep', 0);
      await untilAsleep('asleep');
      const before = await pidsOf('awake');
      await host.berth.kill(signal);
      await host.berth.start();
      t.like(await statusOf(host.berth, 'asleep'), { replicas: 0, availableReplicas: 0 });
      t.is((await host.berth.invoke('awake')).status, 200);
      t.deepEqual(await pidsOf('awake'), before);
      t.deepEqual(await pidsOf('asleep'), []);
      t.is((await host.berth.invoke('asleep')).status, 200);
    },
  );

  test.serial(
    `while containerd is gone by ${signal} a warm function answers every call, and afterwards all works`,
    async (t) => {
      await deploy(t, { service: 'warm' });
      await deploy(t, { service: 'dies' });
      const before = await pidsOf('warm');
      const dying = await taskOf(host.containerd, 'dies');
      // About 200 calls a second.
      const traffic = startTraffic(host.berth, 'warm', { workers: 10, pauseMs: 45 });
      await host.containerd.kill(signal);
      process.kill(dying.pid, 'SIGKILL');
      const refused = await host.berth.api('POST', '/system/functions', { service: 'new', image });
      t.is(refused.status, 503, refused.text);
      t.regex(refused.text, /containerd at .* is unavailable \(is it running\?\)/);
      t.is((await statusOf(host.berth, 'warm')).availableReplicas, 1);
      const count = traffic.calls;
      await until(() => traffic.calls > count + 100);
      await host.containerd.start();
      const backMs = performance.now();
      const deployed = await until(async () => {
        const answer = await host.berth.api('POST', '/system/functions', { service: 'new', image });
        return answer.status === 503 ? undefined : answer;
      });
      t.is(deployed.status, 202, deployed.text);
      t.log(`deployed ${Math.round(performance.now() - backMs)} ms after containerd was back, ${traffic.calls} calls`);
      t.is((await host.berth.invoke('new')).status, 200);
      await until(async () => (await statusOf(host.berth, 'dies')).availableReplicas === 1, {
        message: 'the exit that was missed to be made good',
      });
      await until(async () => (await host.berth.invoke('dies')).status === 200);
      t.deepEqual(await traffic.stop(), []);
      t.deepEqual(await pidsOf('warm'), before);
    },
  );
}

test.serial('a replica that runs when the daemon comes takes calls without its initial delay once more', async (t) => {
  await deploy(t, { service: 'delayed' });
  const before = await pidsOf('delayed');
  const since = async () => {
    const { text } = await host.berth.api('GET', '/system/function/delayed/replicas');
    return (JSON.parse(text) as ReplicaStatus[]).map((replica) => Date.parse(replica.since ?? ''));
  };
  const [began = 0] = await since();
  await host.berth.kill();
  const file = join(host.berth.folder, 'data/functions/openfaas-fn/delayed.json');
  const record = JSON.parse(await readFile(file, 'utf8')) as { current: { deployment: object } };
  const annotations = { 'com.openfaas.ready.http.path': '/', 'com.openfaas.ready.http.initialDelay': '10m' };
  Object.assign(record.current.deployment, { annotations });
  await writeFile(file, JSON.stringify(record));
  await host.berth.start();
  await untilAvailable(host.berth, 'delayed', 1);
  t.deepEqual(await pidsOf('delayed'), before);
  t.is((await host.berth.invoke('delayed')).status, 200);
  const [told = 0] = await since();
  // Of the one it is known when it was started, of the other since when the kernel has it.
  t.true(Math.abs(told - began) <= 10_000, `${told} is not about ${began}`);
});

test.serial('a process that died while the daemon was away is started again, with no call', async (t) => {
  await deploy(t, { service: 'missed' });
  const { pid } = await taskOf(host.containerd, 'missed');
  await host.berth.kill();
  process.kill(pid, 'SIGKILL');
  await host.berth.start();
  await untilAvailable(host.berth, 'missed', 1);
  t.notDeepEqual(await pidsOf('missed'), [pid]);
  t.is((await host.berth.invoke('missed')).status, 200);
});

test.serial(
  'a function whose record is damaged runs on untouched, the others are served, and restored it is back',
  async (t) => {
    await deploy(t, { service: 'damaged' });
    await deploy(t, { service: 'sound' });
    const before = await pidsOf('damaged');
    await host.berth.kill();
    const file = join(host.berth.folder, 'data/functions/openfaas-fn/damaged.json');
    const content = await readFile(file);
    await writeFile(file, content.subarray(0, 100));
    await host.berth.start();
    t.is((await host.berth.invoke('sound')).status, 200);
    t.is((await remove('sound')).status, 202);
    await until(async () => (await replicasOf(host.containerd, 'sound')).length === 0);
    t.deepEqual(await pidsOf('damaged'), before);
    t.regex(await wholeLog(host.berth), /cannot read \S+damaged\.json: restore it/);
    t.regex(await host.containerd.ctr('--namespace', 'openfaas-fn', 'images', 'list', '--quiet'), /fn:latest/);
    await host.berth.kill();
    await writeFile(file, content);
    await host.berth.start();
    t.is((await host.berth.invoke('damaged')).status, 200);
    t.deepEqual(await pidsOf('damaged'), before);
  },
);

test.serial(
  'a daemon that is started before containerd waits for it and becomes healthy without a restart',
  async (t) => {
    await deploy(t, { service: 'early' });
    await host.berth.kill();
    await host.containerd.kill();
    await host.berth.start({ unready: true });
    const { pid } = host.berth;
    await until(async () => (await host.berth.api('GET', '/healthz')).status === 503);
    await host.containerd.start();
    await until(async () => (await host.berth.api('GET', '/healthz')).status === 200, { timeoutMs: 20_000 });
    t.is(host.berth.pid, pid);
    t.is((await host.berth.invoke('early')).status, 200);
  },
);

test.serial('the daemon forgets no function that a stopped containerd cannot show', async (t) => {
  await deploy(t, { service: 'kept' });
  const before = await pidsOf('kept');
  await host.containerd.kill();
  await host.berth.kill();
  await host.containerd.start();
  await host.berth.start();
  await untilAvailable(host.berth, 'kept', 1);
  t.deepEqual(await pidsOf('kept'), before);
});

test.serial(
  'memory above the limit ends the process, which is started again, and the status says out of memory',
  async (t) => {
    await deploy(t, { service: 'hungry', limits: { memory: '24Mi' } });
    await host.berth.invoke('hungry/alloc/64', { method: 'POST' });
    await untilStatus(host.berth, 'hungry', isRestarted);
    await untilStatus(host.berth, 'hungry', ({ berth }) => /out of memory/.test(berth.lastExit ?? ''));
    t.is((await host.berth.invoke('hungry')).status, 200);
  },
);

test.serial('nothing that was there is left after all that', async (t) => {
  await until(async () => (await host.containerd.ctr('-n', 'openfaas-fn', 'containers', 'ls', '-q')) === '', {
    timeoutMs: 30_000,
    message: 'the end of every container',
  });
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  t.notRegex(mounts, /\/run\/netns\/berth-(?!self-test)/);
});
