import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { listOf, replicasOf, startHost, statusOf, tasksOf, type TestHost } from './setup.ts';
import { startTraffic } from './traffic.ts';

let host: TestHost;
let one: string;
let two: string;
let exits: string;

test.before(async () => {
  host = await startHost();
  const { registry } = host;
  one = (await functionImage(registry, { tag: 'one', env: ['VERSION=one'] })).reference;
  two = (await functionImage(registry, { tag: 'two', env: ['VERSION=two'] })).reference;
  exits = (await functionImage(registry, { tag: 'exits', env: ['EXIT_AT_START=3'] })).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (t.passed) return;
  t.log((await host.berth.log()).slice(-8000));
  // What a failed test left must not fail the next.
  for (const { name } of await listOf(host.berth)) await remove(name);
});

async function deploy(t: ExecutionContext, body: { service: string; [key: string]: unknown }): Promise<void> {
  const answer = await host.berth.api('POST', '/system/functions', { image: one, ...body });
  t.is(answer.status, 202, answer.text);
  t.like(await statusOf(host.berth, body.service), { availableReplicas: 1 });
}

const update = (body: object) => host.berth.api('PUT', '/system/functions', body);
const remove = (functionName: string) => host.berth.api('DELETE', '/system/functions', { functionName });

async function textOf(path: string): Promise<string> {
  const { text } = await host.berth.invoke(path);
  return text.replace(/\n$/, '');
}

test.serial(
  'while an update fails, whatever for, the old version answers every call and stays the one that is shown',
  async (t) => {
    await deploy(t, { service: 'steady' });
    const traffic = startTraffic(host.berth, 'steady');
    await until(() => traffic.calls > 0);
    const absent = await update({ service: 'steady', image: `${host.registry.host}/fn:absent` });
    t.is(absent.status, 400);
    t.regex(absent.text, /no such image/);
    const exited = await update({ service: 'steady', image: exits });
    t.is(exited.status, 400);
    t.regex(exited.text, /did not start, the old one stays.*exited with code 3/);
    const secretless = await update({ service: 'steady', image: two, secrets: ['absent'] });
    t.is(secretless.status, 400);
    await until(() => traffic.calls > 10, { message: 'calls before, between and after the failed updates' });
    t.deepEqual(await traffic.stop(), []);
    t.regex([...traffic.answers].join(), /^one \S+\s*$/, 'all by the one replica of the old version');
    const status = await statusOf(host.berth, 'steady');
    t.like(status, { image: one, availableReplicas: 1 });
    t.regex(status.berth.failedUpdate ?? '', /exited with code 3/);
    await until(async () => (await replicasOf(host.containerd, 'steady')).length === 1, { message: 'one replica' });
    await remove('steady');
  },
);

test.serial(
  'updates to and fro under traffic fail no call, and each new version answers once the update is acknowledged',
  async (t) => {
    await deploy(t, { service: 'swing' });
    const traffic = startTraffic(host.berth, 'swing');
    for (const [image, version] of [
      [two, /^two /],
      [one, /^one /],
      [two, /^two /],
      [one, /^one /],
    ] as const) {
      const answer = await update({ service: 'swing', image });
      t.is(answer.status, 200, answer.text);
      t.regex(await textOf('swing'), version);
    }
    t.deepEqual(await traffic.stop(), []);
    await until(async () => (await tasksOf(host.containerd, 'swing')).length === 1, { message: 'old versions to end' });
    await remove('swing');
  },
);

test.serial('a call that is under way when its version is replaced is finished by it', async (t) => {
  await deploy(t, { service: 'longcall' });
  const call = host.berth.invoke('longcall/sleep/3000');
  t.is((await update({ service: 'longcall', image: two })).status, 200);
  t.regex(await textOf('longcall'), /^two /);
  const { status, text } = await call;
  t.deepEqual([status, text], [200, 'slept\n']);
  await remove('longcall');
});

test.serial('of two updates at once one wins, the other is told so, and no call fails', async (t) => {
  await deploy(t, { service: 'race' });
  const traffic = startTraffic(host.berth, 'race');
  const updates = await Promise.all([
    update({ service: 'race', image: two }),
    update({ service: 'race', image: two, envVars: { SECOND: 'yes' } }),
  ]);
  for (const { status, text } of updates) t.true(status === 200 || status === 409, `${status} ${text}`);
  t.true(updates.some(({ status }) => status === 200));
  t.deepEqual(await traffic.stop(), []);
  t.regex(await textOf('race'), /^two /);
  await until(async () => (await replicasOf(host.containerd, 'race')).length === 1, { message: 'one replica' });
  await remove('race');
});

test.serial('of two deployments at once of one name one wins and the other is answered 409', async (t) => {
  const deployments = ['A', 'B'].map((which) =>
    host.berth.api('POST', '/system/functions', { service: 'twins', image: one, envVars: { WHICH: which } }),
  );
  t.deepEqual((await Promise.all(deployments)).map(({ status }) => status).sort(), [202, 409]);
  t.is((await listOf(host.berth)).length, 1);
  t.is((await host.berth.invoke('twins')).status, 200);
  await remove('twins');
});

test.serial('a function removed and deployed again at once is the new one', async (t) => {
  await deploy(t, { service: 'again' });
  for (const image of [two, one, two]) {
    t.is((await remove('again')).status, 202);
    t.is((await host.berth.invoke('again')).status, 404);
    await deploy(t, { service: 'again', image });
    t.regex(await textOf('again'), image === two ? /^two / : /^one /);
  }
  await until(async () => (await replicasOf(host.containerd, 'again')).length === 1, { message: 'one replica' });
  await remove('again');
});

test.serial(
  'functions of one name in two namespaces are strangers, and names may be as long as DNS has them',
  async (t) => {
    const service = 'a'.repeat(63);
    const namespace = 'b'.repeat(63);
    const there = `${service}.${namespace}`;
    const api = (method: string, body: object) => host.berth.api(method, '/system/functions', { service, ...body });
    t.is((await host.berth.api('POST', '/system/namespace/', { name: namespace })).status, 201);
    t.is((await api('POST', { image: one })).status, 202);
    t.is((await api('POST', { image: one, namespace, envVars: { WHERE: 'there' } })).status, 202);
    t.is((await api('PUT', { image: two })).status, 200);
    t.regex(await textOf(service), /^two /);
    t.regex(await textOf(there), /^one /);
    t.is(await textOf(`${there}/env/WHERE`), 'there');
    t.is((await remove(service)).status, 202);
    t.is((await host.berth.invoke(service)).status, 404);
    t.regex(await textOf(there), /^one /);
    const query = `?namespace=${namespace}`;
    t.is((await host.berth.api('DELETE', `/system/functions${query}`, { functionName: service })).status, 202);
    t.is((await host.berth.invoke(there)).status, 404);
    const gone = await host.berth.api('DELETE', `/system/namespace/${namespace}`, { name: namespace });
    t.is(gone.status, 202, gone.text);
  },
);

test.serial('environment values arrive byte for byte and are shown as they were sent', async (t) => {
  const envVars = {
    EQUALS: 'a=b==c=',
    LINES: 'one\ntwo\r\n\nfour',
    UNICODE: 'Grüße, 世界 🚀',
    QUOTES: `'"\\$HOME \`x\``,
    EMPTY: '',
    'with.dots-and-dashes': 'yes',
    fprocess: 'overridden',
  };
  await deploy(t, { service: 'env', envVars, envProcess: 'python3 index.py' });
  for (const [name, value] of Object.entries({ ...envVars, fprocess: 'python3 index.py' })) {
    t.is((await host.berth.invoke(`env/env/${name}`)).text, `${value}\n`, name);
  }
  t.is(await textOf('env/env/OPENFAAS_NAME'), 'env');
  t.is(await textOf('env/env/OPENFAAS_NAMESPACE'), 'openfaas-fn');
  t.is(await textOf('env/env/VERSION'), 'one', "the image's own");
  const status = await statusOf(host.berth, 'env');
  t.like(status, { envVars, envProcess: 'python3 index.py' });
  await remove('env');
});

test.serial(
  'labels, annotations, limits and the rest are shown as they were sent, and an update replaces all of them',
  async (t) => {
    const sent = {
      labels: { 'com.openfaas.scale.zero': 'false', team: 'ops' },
      annotations: { topic: 'orders,payments', note: 'ünï\ncode' },
      constraints: ['node.platform.os == linux'],
      limits: { memory: '64Mi', cpu: '500m' },
      requests: { memory: '32Mi', cpu: '0.1' },
      readOnlyRootFilesystem: true,
    };
    await deploy(t, { service: 'echo', ...sent });
    const [listed] = await listOf(host.berth);
    t.like(listed, { name: 'echo', namespace: 'openfaas-fn', image: one, replicas: 1, ...sent });
    t.is((await update({ service: 'echo', image: two, labels: { team: 'dev' } })).status, 200);
    const [updated] = await listOf(host.berth);
    t.like(updated, { image: two, labels: { team: 'dev' }, annotations: {} });
    t.false(Object.hasOwn(updated ?? {}, 'limits'));
    t.false(Object.hasOwn(updated ?? {}, 'readOnlyRootFilesystem'));
    await remove('echo');
  },
);

test.serial('a read-only root takes no file, but for /tmp; another takes them', async (t) => {
  await deploy(t, { service: 'readonly', readOnlyRootFilesystem: true });
  const refused = await host.berth.invoke('readonly/write/home/app/file');
  t.is(refused.status, 500);
  t.regex(refused.text, /Read-only file system/);
  t.is((await host.berth.invoke('readonly/write/tmp/file')).status, 200);
  t.is(await textOf('readonly/file/tmp/file'), 'written');
  t.is((await update({ service: 'readonly', image: one })).status, 200);
  t.is((await host.berth.invoke('readonly/write/home/app/file')).status, 200);
  await remove('readonly');
});

function statusLine(text: string, key: string): string[] {
  return new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim().split(/\s+/) ?? [];
}

test.serial(
  'a function runs as the user that its image names, with no capability, seccomp and no new privileges',
  async (t) => {
    await deploy(t, { service: 'user' });
    const app = (await host.berth.invoke('user/caps')).text;
    t.deepEqual(statusLine(app, 'Uid'), ['1000', '1000', '1000', '1000']);
    t.deepEqual(statusLine(app, 'Gid'), ['1000', '1000', '1000', '1000']);
    t.true(statusLine(app, 'Groups').includes('2000'), 'its supplementary group');
    const { reference: root } = await functionImage(host.registry, { tag: 'root', user: '' });
    t.is((await update({ service: 'user', image: root })).status, 200);
    const asRoot = (await host.berth.invoke('user/caps')).text;
    t.is(statusLine(asRoot, 'Uid')[0], '0');
    for (const text of [app, asRoot]) {
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
        t.is(BigInt(`0x${statusLine(text, set)[0]}`), 0n, set);
      }
      t.deepEqual(statusLine(text, 'NoNewPrivs'), ['1']);
      t.deepEqual(statusLine(text, 'Seccomp'), ['2']);
    }
    const annotations = { 'com.openfaas.berth.capabilities': 'NET_BIND_SERVICE' };
    t.is((await update({ service: 'user', image: one, annotations })).status, 200);
    t.is(BigInt(`0x${statusLine((await host.berth.invoke('user/caps')).text, 'CapEff')[0]}`), 1n << 10n);
    await remove('user');
  },
);

test.serial('a function finds its own name, the gateway and localhost in its hosts file', async (t) => {
  await deploy(t, { service: 'names' });
  const hosts = await textOf('names/file/etc/hosts');
  t.regex(hosts, /^127\.0\.0\.1 localhost$/m);
  t.regex(hosts, /^10\.62\.\S+ names$/m);
  t.regex(hosts, /^10\.62\.0\.1 .*gateway.openfaas\b/m);
  t.regex(await textOf('names'), /^one names$/, 'its host name');
  t.true((await textOf('names/file/etc/resolv.conf')).length > 0);
  await remove('names');
});

async function bytesOf(path: string): Promise<Buffer> {
  const response = await fetch(`${host.berth.url}/function/${path}`);
  return Buffer.from(await response.arrayBuffer());
}

test.serial(
  'secrets arrive byte for byte, for the user of the function alone; a new value comes at once',
  async (t) => {
    const binary = randomBytes(4096);
    const rawValue = binary.toString('base64');
    t.is((await host.berth.api('POST', '/system/secrets', { name: 'binary.key', rawValue })).status, 201);
    t.is((await host.berth.api('POST', '/system/secrets', { name: 'text', value: 'line\n\n' })).status, 201);
    await deploy(t, { service: 'secrets', secrets: ['binary.key', 'text'] });
    t.true(binary.equals(await bytesOf('secrets/file/var/openfaas/secrets/binary.key')));
    t.is((await bytesOf('secrets/file/var/openfaas/secrets/text')).toString(), 'line\n\n');
    t.is((await host.berth.invoke('secrets/write/var/openfaas/secrets/text')).status, 500);

    t.is((await host.berth.api('PUT', '/system/secrets', { name: 'text', value: 'newer' })).status, 200);
    t.is((await bytesOf('secrets/file/var/openfaas/secrets/text')).toString(), 'newer', 'in the running replica');
    t.is((await update({ service: 'secrets', image: one, secrets: ['text'] })).status, 200);
    t.is((await bytesOf('secrets/file/var/openfaas/secrets/text')).toString(), 'newer');
    t.is((await host.berth.invoke('secrets/file/var/openfaas/secrets/binary.key')).status, 404);
    const listed = await host.berth.api('GET', '/system/secrets');
    t.notRegex(listed.text, /newer|value/i);
    await remove('secrets');
  },
);

/** As the function itself sees its limits, on either version of cgroups. */
const cgroupFiles = existsSync('/sys/fs/cgroup/cgroup.controllers')
  ? { memory: 'memory.max', pids: 'pids.max', cpu: 'cpu.max' }
  : { memory: 'memory/memory.limit_in_bytes', pids: 'pids/pids.max', cpu: 'cpu/cpu.cfs_quota_us' };

test.serial('limits hold for the process, the function sees them, and its use is told', async (t) => {
  await deploy(t, { service: 'limited', limits: { memory: '48Mi', cpu: '250m' } });
  t.is(await textOf(`limited/file/sys/fs/cgroup/${cgroupFiles.memory}`), String(48 * 1024 * 1024));
  t.is(await textOf(`limited/file/sys/fs/cgroup/${cgroupFiles.pids}`), '1024');
  t.regex(await textOf(`limited/file/sys/fs/cgroup/${cgroupFiles.cpu}`), /^25000( 100000)?$/);
  const { usage } = JSON.parse((await host.berth.api('GET', '/system/function/limited?usage=1')).text) as {
    usage: { cpu: number; totalMemoryBytes: number };
  };
  t.true(usage.totalMemoryBytes > 10_000 && usage.totalMemoryBytes < 48 * 1024 * 1024, JSON.stringify(usage));
  t.true(usage.cpu >= 0);
  await remove('limited');
});
