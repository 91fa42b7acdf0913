import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { ask, callOf, deploy, remove } from '../lifecycle/setup.ts';
import { startHost, tasksIn, type TestHost } from './setup.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

const seen = (name: string) => callOf(host.berth, `${name}/file/var/openfaas/secrets/key`);
const put = (method: string, value: string) => ask(host.berth, method, '/system/secrets', { name: 'key', value });

test.serial('an updated secret is what a running replica, and one that stands by, reads next', async (t) => {
  const { berth, containerd } = host;
  await put('POST', 'one');
  await deploy(berth, { service: 'awake', image, secrets: ['key'] });
  await deploy(berth, {
    service: 'dozing',
    image,
    secrets: ['key'],
    labels: { 'com.openfaas.scale.zero-depth': 'standby' },
  });
  t.deepEqual([await seen('awake'), await seen('dozing')], ['one', 'one']);
  const before = await tasksIn(containerd);
  await put('PUT', 'two');
  t.deepEqual([await seen('awake'), await seen('dozing')], ['two', 'two']);
  t.deepEqual(await tasksIn(containerd), before, 'no process was replaced');

  await ask(berth, 'POST', '/system/scale-function/dozing', { replicas: 0 });
  await put('PUT', 'three');
  t.deepEqual([await seen('awake'), await seen('dozing')], ['three', 'three']);
});

test.serial('an update that a crash kept from the replicas reaches them after the restart', async (t) => {
  const { berth } = host;
  await berth.kill('SIGKILL');
  await writeFile(join(berth.folder, 'data/secrets/openfaas-fn/key'), 'four');
  await berth.start();
  await until(async () => (await seen('awake')) === 'four');
  t.pass();
});

test.serial('a secret in use cannot be removed, and the answer names who uses it', async (t) => {
  const { berth } = host;
  const refused = await berth.api('DELETE', '/system/secrets', { name: 'key' });
  t.is(refused.status, 409);
  t.regex(refused.text, /secret key .* in use by functions awake, dozing/);
  await remove(berth, 'awake');
  await remove(berth, 'dozing');
  await ask(berth, 'DELETE', '/system/secrets', { name: 'key' });
});
