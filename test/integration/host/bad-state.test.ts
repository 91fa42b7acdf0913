import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startHost, tasksOf, wholeLog, type TestHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';

const metricsPort = 18082;

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost({ env: { metrics_port: String(metricsPort) } });
  image = (await functionImage(host.registry)).reference;
  await host.berth.api('POST', '/system/namespace/', { name: 'other', labels: { openfaas: '1' } });
  await host.berth.api('POST', '/system/secrets', { name: 'there', value: 'x' });
  await deploy(host.berth, { service: 'fn', image, secrets: ['there'] });
  await deploy(host.berth, { service: 'bad', image });
  await deploy(host.berth, { service: 'fn', namespace: 'other', image });
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

/** What is under the daemon's folder while it is away, and comes back by `mend`. */
function messIn(folder: string) {
  const undo: (() => Promise<void>)[] = [];
  const at = async (path: string) => {
    const whole = join(folder, path);
    await mkdir(dirname(whole), { recursive: true });
    await rename(whole, `${whole}.aside`).then(
      () => undo.push(() => rename(`${whole}.aside`, whole)),
      () => undefined,
    );
    undo.push(() => rm(whole, { recursive: true, force: true }));
    return whole;
  };
  return {
    file: async (path: string, content: string | Buffer = '') => writeFile(await at(path), content),
    huge: async (path: string) => {
      const whole = await at(path);
      await writeFile(whole, '{');
      await truncate(whole, 1_500_000_000);
    },
    folder: async (path: string) => void (await mkdir(await at(path))),
    dangling: async (path: string) => symlink('/nowhere', await at(path)),
    pipe: async (path: string) => void (await run('mkfifo', [await at(path)])),
    mend: async () => {
      for (const act of undo.splice(0).toReversed()) await act();
    },
  };
}

const running = async () => [await tasksOf(host.containerd, 'bad'), await tasksOf(host.containerd, 'fn', 'other')];
const answers = (name: string) => async () => (await host.berth.invoke(name)).status === 200;

async function partIs(name: string, value: 0 | 1): Promise<void> {
  const is = new RegExp(`berth_part_healthy\\{part="${name}"\\} ${value}`);
  const metrics = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  await until(async () => is.test(await metrics()), { timeoutMs: 20_000, message: `part ${name} to be ${value}` });
}

const stored = {
  schema: 1,
  current: { id: 'a', createdAt: 'x', deployment: { name: 'n', namespace: 'openfaas-fn', image: 'fn:x' } },
  replicas: 1,
  asleep: false,
};
const namespaceFile = { schema: 1, labels: {}, annotations: {} };

test.serial(
  'what cannot be read is passed over and said, its replicas run on, and it counts again once it can be',
  async (t) => {
    const { berth } = host;
    const before = await running();
    const mess = messIn(berth.folder);
    await berth.kill();
    await mess.file('data/functions/openfaas-fn/bad.json');
    await mess.file('data/functions/other');
    await mess.file('data/functions/openfaas-fn/binary.json', Buffer.from([0, 255, 254, 1]));
    await mess.file('data/functions/openfaas-fn/newer.json', JSON.stringify({ ...stored, schema: 2 }));
    await mess.huge('data/functions/openfaas-fn/huge.json');
    await mess.folder('data/functions/openfaas-fn/folder.json');
    await mess.dangling('data/functions/openfaas-fn/dangling.json');
    // More than file work has threads.
    for (const name of ['pipe', 'pipe-2', 'pipe-3', 'pipe-4', 'pipe-5'])
      await mess.pipe(`data/functions/openfaas-fn/${name}.json`);
    await mess.dangling('data/functions/nowhere');
    await mess.file('data/functions/README');
    for (const name of ['.', 'Bad Name".', 'a..']) {
      await mess.file(`data/functions/openfaas-fn/${name}json`, JSON.stringify(stored));
      await mess.file(`data/functions/${name}/fn.json`, JSON.stringify(stored));
    }
    await mess.folder('data/functions/openfaas-fn/.tmp-folder');
    await mess.file('data/namespaces/empty.json');
    await mess.file('data/namespaces/Bad Name.json', JSON.stringify(namespaceFile));
    await mess.file('data/namespaces/long.json', JSON.stringify({ ...namespaceFile, labels: { a: 'x'.repeat(5000) } }));
    await mess.pipe('data/namespaces/pipe.json');
    await mess.file('data/secrets/file');
    await mess.folder('data/secrets/openfaas-fn/.tmp-folder');
    await mess.pipe('data/secrets/openfaas-fn/pipe');
    await mess.dangling('data/secrets/dangling');
    await mess.folder('log/progress/folder.json');
    await mess.pipe('log/progress/pipe.json');
    await mess.file('log/history/file');
    await mess.folder('run/secrets/.new-folder');
    await mess.file('run/cni/results/berth-x-eth0', 'x');
    await berth.start();
    t.is((await berth.invoke('fn')).status, 200);
    await partIs('functions', 0);
    const unreadable = ['bad', 'binary', 'newer', 'huge', 'folder', 'dangling', 'pipe'];
    const log = await wholeLog(berth);
    for (const name of unreadable) t.true(log.includes(`openfaas-fn/${name}.json: restore it`), name);
    t.regex(log, /cannot read \S+functions\/other: restore it.*ENOTDIR/);
    t.regex(log, /cannot read \S+namespaces\/pipe\.json: restore it/);
    const refused = await berth.invoke('bad');
    t.is(refused.status, 503, 'of a function that may be wanted nobody says that it is not there');
    t.regex(refused.text, /what is stored of it cannot be read/);
    t.is((await berth.api('DELETE', '/system/namespace/other', { name: 'other' })).status, 409);
    t.is((await berth.api('GET', '/system/secrets')).status, 200);
    await deploy(berth, { service: 'fresh', image });
    t.deepEqual(await running(), before);

    await mess.mend();
    await until(answers('bad'), { timeoutMs: 40_000, message: 'bad to answer again' });
    await until(answers('fn.other'), { message: 'fn.other to answer again' });
    t.deepEqual(await running(), before);
  },
);

test.serial('folders that are none keep nobody from what runs, and are made once that is possible', async (t) => {
  const { berth } = host;
  const before = await running();
  const mess = messIn(berth.folder);
  await berth.kill();
  for (const path of ['data/namespaces', 'data/secrets', 'run/replicas', 'run/secrets', 'log']) await mess.file(path);
  await berth.start();
  for (const name of ['fn', 'bad', 'fn.other']) t.is((await berth.invoke(name)).status, 200);
  const parts = ['namespaces', 'secrets', 'run_dir', 'logs'];
  for (const part of parts) await partIs(part, 0);
  await mess.mend();
  for (const part of parts) await partIs(part, 1);
  t.deepEqual(await running(), before);
});

test.serial('while it cannot be read which functions are wanted, all that runs is left as it is', async (t) => {
  const { berth } = host;
  const before = await running();
  const mess = messIn(berth.folder);
  await berth.kill();
  await mess.file('data/functions');
  await berth.start({ unready: true });
  await partIs('functions', 0);
  t.is((await berth.invoke('fn')).status, 503);
  t.is((await berth.api('POST', '/system/functions', { service: 'new', image })).status, 503);
  t.is((await berth.api('GET', '/system/namespaces')).status, 200);
  await mess.mend();
  await partIs('functions', 1);
  await until(answers('fn'), { timeoutMs: 60_000, message: 'fn to answer again' });
  t.deepEqual(await running(), before);
});
