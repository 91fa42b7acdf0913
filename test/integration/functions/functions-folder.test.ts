import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { ask, callOf } from '../lifecycle/setup.ts';
import { listOf, startHost, statusOf, tasksIn, untilAvailable, wholeLog, type TestHost } from './setup.ts';

let host: TestHost;
let image: string;
let folder: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
  folder = join(host.berth.folder, 'functions.d');
  await mkdir(folder);
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

/** Writes a file as editors and configuration tools do: whole, in the place of the one before. */
async function put(name: string, functions: Record<string, Record<string, string>>, secrets: string[] = []) {
  const text = {
    functions: Object.fromEntries(
      Object.entries(functions).map(([fn, environment]) => [fn, { image, environment, secrets }]),
    ),
  };
  await writeFile(join(folder, `.${name}.new`), JSON.stringify(text));
  await rename(join(folder, `.${name}.new`), join(folder, name));
}

const names = async () => (await listOf(host.berth)).map(({ name }) => name).sort();
const pidsOf = async () => (await tasksIn(host.containerd)).map(({ pid }) => pid);
const said = (words: string | RegExp) =>
  until(async () => (await wholeLog(host.berth)).search(words) !== -1, {
    timeoutMs: 30_000,
    message: `a line with ${words}`,
  });

test.serial('functions are what the files of the folder say, and only what changes is started anew', async (t) => {
  const { berth } = host;
  await put('shop.yml', { orders: { A: '1' }, prices: { A: '1' } });
  await put('blog.yml', { posts: { A: '1' } });
  for (const name of ['orders', 'prices', 'posts'])
    await until(() => untilAvailable(berth, name, 1), { timeoutMs: 60_000 });
  const before = await pidsOf();
  await put('shop.yml', { orders: { A: '1' }, prices: { A: '2' } });
  await until(async () => (await statusOf(berth, 'prices')).envVars?.['A'] === '2', { timeoutMs: 30_000 });
  await until(async () => (await pidsOf()).length === 3, { timeoutMs: 30_000, message: 'the old version to be gone' });
  const after = await pidsOf();
  t.is(after.filter((pid) => before.includes(pid)).length, 2, 'two were left alone');
  t.is((await statusOf(berth, 'prices')).berth.file, join(folder, 'shop.yml'));
  await rm(join(folder, 'blog.yml'));
  await until(async () => (await names()).length === 2, { timeoutMs: 30_000, message: 'the function to be removed' });
  t.deepEqual(await names(), ['orders', 'prices']);
  await until(async () => (await pidsOf()).length === 2, { timeoutMs: 30_000, message: 'its replica to be gone' });
});

test.serial(
  'a change of such a function through the API is 409 and names the file; its replicas may be changed',
  async (t) => {
    const { berth } = host;
    const before = await pidsOf();
    const refused = [
      await berth.api('PUT', '/system/functions', { service: 'orders', image }),
      await berth.api('POST', '/system/functions', { service: 'orders', image }),
      await berth.api('PUT', '/system/functions', { service: 'orders', image, berth: { file: '/root/stack.yml' } }),
      await berth.api('DELETE', '/system/functions', { functionName: 'orders' }),
      await berth.api('POST', '/system/rollback-function/prices'),
    ];
    for (const { status, text } of refused) {
      t.is(status, 409);
      t.regex(text, /^function (orders|prices)\.openfaas-fn is kept by \S+\/functions\.d\/shop\.yml: change it there/);
    }
    t.deepEqual(await pidsOf(), before);
    await ask(berth, 'POST', '/system/scale-function/orders', { replicas: 2 });
    await untilAvailable(berth, 'orders', 2);
    await ask(berth, 'POST', '/system/scale-function/orders', { replicas: 1 });
    await until(async () => (await pidsOf()).length === 2, { timeoutMs: 30_000 });
  },
);

test.serial('a restart of the daemon, a crash too, starts nothing anew and keeps what the files keep', async (t) => {
  const { berth } = host;
  const before = await pidsOf();
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await berth.kill(signal);
    await berth.start();
  }
  await put('late.yml', { late: {} });
  await until(() => untilAvailable(berth, 'late', 1), { timeoutMs: 60_000 });
  const after = await pidsOf();
  t.true(before.every((pid) => after.includes(pid)));
  t.is((await berth.api('DELETE', '/system/functions', { functionName: 'orders' })).status, 409);
});

test.serial('what is removed from the folder while the daemon is down is removed when it starts', async (t) => {
  const { berth } = host;
  await berth.kill();
  await rm(join(folder, 'late.yml'));
  await berth.start();
  await until(async () => !(await names()).includes('late'), {
    timeoutMs: 30_000,
    message: 'the function to be removed',
  });
  t.deepEqual(await names(), ['orders', 'prices']);
});

test.serial('a file that waits for a secret is applied once there is one; a broken one is told', async (t) => {
  const { berth } = host;
  await put('wants.yml', { wants: {} }, ['key']);
  await said(/wants\.yml:1: function wants\.openfaas-fn: secret key does not exist in namespace openfaas-fn/);
  await ask(berth, 'POST', '/system/secrets', { name: 'key', value: 'one' });
  await until(() => untilAvailable(berth, 'wants', 1), { timeoutMs: 60_000 });
  t.is(await callOf(berth, 'wants/file/var/openfaas/secrets/key'), 'one');
  await writeFile(join(folder, 'shop.yml'), 'functions:\n  orders: [half');
  await said(/shop\.yml:\d+: .*berth|shop\.yml:\d+: Flow sequence/);
  t.deepEqual(await names(), ['orders', 'prices', 'wants']);
});

test.serial('without the folder, what came from it is removed, and nothing else', async (t) => {
  const { berth } = host;
  await berth.api('PUT', '/system/functions', { service: 'own', image });
  await berth.kill();
  await berth.start({ env: { functions_dir: 'none' } });
  await until(async () => (await names()).length === 1, { timeoutMs: 30_000, message: 'the functions to be removed' });
  t.deepEqual(await names(), ['own']);
});
