import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { ask, callOf, deploy, scale } from '../lifecycle/setup.ts';
import { startHost, wholeLog, type TestHost } from '../functions/setup.ts';

const names = ['data', 'log', 'run'];

let host: TestHost;
let disks: string;
let image: string;
test.before(async () => {
  disks = await mkdtemp(join(tmpdir(), 'disks-'));
  for (const name of names) {
    await mkdir(join(disks, name));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m,nr_inodes=2000', 'tmpfs', join(disks, name)]);
  }
  const env = { data_dir: join(disks, 'data'), log_dir: join(disks, 'log'), run_dir: join(disks, 'run') };
  host = await startHost({ rootMebibytes: 128, env });
  image = (await functionImage(host.registry)).reference;
});
test.after.always(async () => {
  await host?.stop();
  for (const name of names) await run('umount', ['--lazy', join(disks, name)]);
  await rm(disks, { recursive: true, force: true });
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

/** Takes all inodes of a disk, and all of its room unless told otherwise; what is returned gives them back. */
async function fill(t: ExecutionContext, name: string, { inodesOnly = false } = {}): Promise<() => Promise<void>> {
  const folder = join(name === 'containerd' ? host.containerd.root : join(disks, name), 'full');
  await mkdir(folder);
  if (!inodesOnly) await run('sh', ['-c', `cat /dev/zero >${folder}/0 2>/dev/null || true`]);
  const { files } = await statfs(folder);
  // containerd's has more than a test can take.
  if (files < 10_000) await run('sh', ['-c', `cd ${folder} && seq ${files} | xargs touch 2>/dev/null || true`]);
  const empty = () => rm(folder, { recursive: true, force: true });
  t.teardown(empty);
  return empty;
}

/** Writes so many kB to each of its outputs; rejects when it hangs. */
async function chat(name: string, kilobytes: number): Promise<void> {
  for (let written = 0; written < kilobytes; written += 2) {
    const { status } = await host.berth.invoke(`${name}/log/${'x'.repeat(2000)}`, {
      signal: AbortSignal.timeout(5000),
    });
    if (status !== 200) throw new Error(`${name}: ${status}`);
  }
}

const said = (words: RegExp) => until(async () => words.test(await wholeLog(host.berth)), { message: String(words) });

/** Whether the newest that was said of the disks is that they are well. */
async function isDiskWell(): Promise<boolean> {
  return (
    (await wholeLog(host.berth))
      .split(/ disk is (?=well again|not well)/)
      .at(-1)
      ?.startsWith('well') ?? false
  );
}

const saidWell = () => until(isDiskWell, { message: 'the disks to be well' });

type Refused = readonly [method: string, path: string, body: object];

/** Asks for what a full disk does not allow: the answer names whose disk it is, and no path. */
async function refused(t: ExecutionContext, whose: string, requests: Refused[]): Promise<void> {
  for (const [method, path, body] of requests) {
    const { status, text } = await host.berth.api(method, path, body);
    t.is(status, 507, `${path}: ${text}`);
    t.is(text.trim(), `the disk of ${whose} is full: make room there and try again`);
  }
}

test.serial('a full log disk hangs no function for longer than it is full, and wakes none the less', async (t) => {
  const { berth, containerd } = host;
  for (const service of ['chatty', 'sleeper']) await deploy(berth, { service, image });
  await putToSleepAlone('sleeper');
  const empty = await fill(t, 'log');
  await said(/disk is not well: the disk of log_dir is full/);
  // The shim gives up at the first line, and the function goes on until its pipe is full.
  await chat('chatty', 20);
  await callOf(berth, 'sleeper');
  await refused(t, 'log_dir', [['POST', '/system/functions', { service: 'unlogged', image }]]);
  await empty();
  await until(() => chat('chatty', 200).then(() => true), { timeoutMs: 30_000, message: 'chatty to answer again' });
  await said(/info disk is well again/);
  t.true((await containerd.ctr('-n', 'openfaas-fn', 'tasks', 'ls')).includes('RUNNING'));
  const logs = await berth.api('GET', '/system/logs?name=chatty&follow=false&tail=1');
  t.regex(logs.text, /xxxx/, 'its lines are kept again');

  async function putToSleepAlone(name: string) {
    await scale(berth, name, 0);
    await until(async () => /"replicas":0/.test((await berth.api('GET', `/system/function/${name}`)).text));
  }
});

test.serial(
  'on a full data disk functions wake, changes are refused with 507, and what is kept is whole',
  async (t) => {
    const { berth } = host;
    await scale(berth, 'sleeper', 0);
    const empty = await fill(t, 'data');
    await said(/the disk of data_dir is full/);
    await callOf(berth, 'sleeper');
    // It is written a moment after the wake, which must not be once there is room again.
    await said(/replica counts and who sleeps cannot be written/);
    await refused(t, 'data_dir', [
      ['POST', '/system/functions', { service: 'fresh', image }],
      ['PUT', '/system/functions', { service: 'chatty', image }],
      ['POST', '/system/scale-function/chatty', { replicas: 2 }],
      ['POST', '/system/secrets', { name: 'fresh', value: 'x' }],
      ['POST', '/system/namespace/', { name: 'fresh', labels: { openfaas: '1' } }],
    ]);
    await empty();
    await said(/replica counts and who sleeps are written again/);
    await berth.kill('SIGKILL');
    await berth.start();
    t.regex((await berth.api('GET', '/system/function/sleeper')).text, /"replicas":1/);
    t.is((await berth.api('GET', '/system/function/fresh')).status, 404);
    t.notRegex((await berth.api('GET', '/system/secrets')).text, /fresh/);
    await callOf(berth, 'chatty');
  },
);

test.serial("on containerd's full disk functions serve, a new image is refused with 507 and comes later", async (t) => {
  const { berth, registry } = host;
  const layers = [{ large: randomBytes(3 << 20) }];
  const fresh = (await functionImage(registry, { name: 'fresh', layers })).reference;
  await scale(berth, 'sleeper', 0);
  const empty = await fill(t, 'containerd');
  await said(/the disk of containerd is full/);
  await callOf(berth, 'chatty');
  await refused(t, 'containerd', [
    ['POST', '/system/functions', { service: 'imported', image: fresh }],
    ['PUT', '/system/functions', { service: 'chatty', image: fresh }],
  ]);
  t.is((await berth.api('GET', '/system/function/imported')).status, 404);
  await empty();
  await saidWell();
  await callOf(berth, 'sleeper');
  await callOf(berth, 'chatty');
  await deploy(berth, { service: 'imported', image: fresh });
  await callOf(berth, 'imported');
});

test.serial(
  'on a full run_dir functions keep their secrets and name servers, and what is new is refused',
  async (t) => {
    const { berth } = host;
    const secret = (value: string) => ({ name: 'kept', value });
    await ask(berth, 'POST', '/system/secrets', secret('old'));
    await deploy(berth, { service: 'secretive', image, secrets: ['kept'] });
    const servers = await callOf(berth, 'secretive/file/etc/resolv.conf');
    const empty = await fill(t, 'run');
    await said(/the disk of run_dir is full/);
    await refused(t, 'run_dir', [
      ['POST', '/system/functions', { service: 'other', image, secrets: ['kept'] }],
      ['PUT', '/system/secrets', secret('new'.repeat(9000))],
    ]);
    t.is(await callOf(berth, 'secretive/file/var/openfaas/secrets/kept'), 'old');
    t.is(await callOf(berth, 'secretive/file/etc/resolv.conf'), servers);
    await empty();
    await saidWell();
    await ask(berth, 'PUT', '/system/secrets', secret('new'));
    t.is(await callOf(berth, 'secretive/file/var/openfaas/secrets/kept'), 'new');
    await deploy(berth, { service: 'other', image, secrets: ['kept'] });
    await callOf(berth, 'other');
  },
);

test.serial('a disk without inodes is full as well', async (t) => {
  const empty = await fill(t, 'data', { inodesOnly: true });
  await until(async () => !(await isDiskWell()), { message: 'the disk to be full' });
  await refused(t, 'data_dir', [['POST', '/system/functions', { service: 'last', image }]]);
  await empty();
  await saidWell();
  await deploy(host.berth, { service: 'last', image });
  await callOf(host.berth, 'last');
});
