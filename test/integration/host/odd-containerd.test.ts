import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { Containerd } from '../../../src/containerd/index.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, taskOf, wholeLog, type TestHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
  for (const service of ['fn', 'killed']) await deploy(host.berth, { service, image });
  await host.berth.api('POST', '/system/secrets', { name: 'there', value: 'x' });
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

const functionLabel = 'com.openfaas.berth.function';
const generationLabel = 'com.openfaas.berth.generation';
const answers = (name: string) => async () => (await host.berth.invoke(name)).status === 200;

async function containersIn(namespace: string): Promise<string[]> {
  return (await host.containerd.ctr('-n', namespace, 'containers', 'list', '--quiet')).split('\n').filter(Boolean);
}

test.serial('records and namespaces that berth did not make so keep nobody from being served', async (t) => {
  const { berth, containerd } = host;
  const client = new Containerd({ address: containerd.address });
  t.teardown(() => client.close());
  const killed = await taskOf(containerd, 'killed');
  await berth.kill();
  const odd = { image: 'fn', spec: {}, snapshotter: 'overlayfs' };
  for (const [id, labels] of Object.entries<Record<string, string>>({
    empty: { [functionLabel]: '' },
    'bad-name': { [functionLabel]: 'Bad "Name', [generationLabel]: 'x' },
    path: { [functionLabel]: '../../etc', [generationLabel]: 'x' },
    'no-generation': { [functionLabel]: 'fn' },
    foreign: { other: 'x' },
  }))
    await client.namespace('openfaas-fn').containers.create({ id, labels, snapshotKey: id, ...odd });
  await client.namespaces.create({ name: 'strange', labels: { openfaas: '1', 'a/b"c': 'x'.repeat(2000) } });
  await client.namespaces.create({ name: 'Upper_Case.ns', labels: { openfaas: 'true' } });
  const stray = {
    id: 'stray',
    labels: { [functionLabel]: 'fn', [generationLabel]: 'x' },
    snapshotKey: 'stray',
    ...odd,
  };
  await client.namespace('Upper_Case.ns').containers.create(stray);
  process.kill(killed.pid, 'SIGKILL');
  await berth.start();
  t.is((await berth.invoke('fn')).status, 200);
  await until(answers('killed'), { message: 'the killed function to be started again' });
  await until(async () => (await containersIn('openfaas-fn')).length === 4, { message: 'what nobody wants to go' });
  const left = await containersIn('openfaas-fn');
  t.true(
    ['foreign', 'empty'].every((id) => left.includes(id)),
    'containerd keeps no empty label',
  );
  t.deepEqual(await containersIn('Upper_Case.ns'), []);
  t.is((await berth.api('GET', '/system/functions?namespace=strange')).text.trim(), '[]');
});

test.serial('without containerd berth waits and says so; without plugins or tools it serves what runs', async (t) => {
  const { berth } = host;
  await berth.kill();
  await berth.start({ env: { containerd_address: '/nowhere/containerd.sock' }, unready: true });
  await until(async () => (await berth.api('GET', '/system/info')).status === 200);
  t.is((await berth.api('POST', '/system/functions', { service: 'later', image })).status, 503);
  t.is((await berth.api('GET', '/healthz')).status, 503);
  await berth.kill();
  await berth.start({ env: { cni_bin_dirs: '/nowhere' } });
  t.is((await berth.invoke('fn')).status, 200);
  await berth.api('POST', '/system/functions', { service: 'later', image });
  await until(async () => /no such plugin/.test(await wholeLog(berth)));
  await berth.kill();
  await berth.start({ env: { PATH: '/nowhere' } });
  t.is((await berth.invoke('fn')).status, 200);
  await berth.kill();
  await berth.start();
  await until(answers('later'), { timeoutMs: 30_000, message: 'what could not be started to answer' });
});

test.serial('functions are there again after the run folder and the log folder were removed', async (t) => {
  const { berth } = host;
  for (const name of ['run', 'log']) await rm(join(berth.folder, name), { recursive: true });
  await deploy(berth, { service: 'after', image, secrets: ['there'] });
  await until(answers('fn'), { timeoutMs: 30_000, message: 'fn' });
  const logs = await berth.api('GET', '/system/logs?name=after&follow=false');
  t.is(logs.status, 200, logs.text);
});
