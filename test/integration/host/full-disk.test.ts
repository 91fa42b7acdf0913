import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { callOf, deploy, scale } from '../lifecycle/setup.ts';
import { startHost, wholeLog, type TestHost } from '../functions/setup.ts';

let host: TestHost;
let disks: string;
let image: string;
test.before(async () => {
  disks = await mkdtemp(join(tmpdir(), 'disks-'));
  for (const name of ['data', 'log']) {
    await mkdir(join(disks, name));
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', join(disks, name)]);
  }
  host = await startHost({ env: { data_dir: join(disks, 'data'), log_dir: join(disks, 'log') } });
  image = (await functionImage(host.registry)).reference;
});
test.after.always(async () => {
  await host?.stop();
  for (const name of ['data', 'log']) await run('umount', ['--lazy', join(disks, name)]);
  await rm(disks, { recursive: true, force: true });
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

/** Takes all room of a disk; what is returned gives it back. */
async function fill(name: string): Promise<() => Promise<void>> {
  const path = join(disks, name, 'full');
  await run('sh', ['-c', `cat /dev/zero > ${path} 2>/dev/null || true`]);
  return () => rm(path);
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

test.serial('a full log disk hangs no function for longer than it is full, and wakes none the less', async (t) => {
  const { berth, containerd } = host;
  for (const service of ['chatty', 'sleeper']) await deploy(berth, { service, image });
  await putToSleepAlone('sleeper');
  const empty = await fill('log');
  await said(/disk is not well: the disk of log_dir is full/);
  // The shim gives up at the first line, and the function goes on until its pipe is full.
  await chat('chatty', 20);
  await callOf(berth, 'sleeper');
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
    const empty = await fill('data');
    await said(/the disk of data_dir is full/);
    await callOf(berth, 'sleeper');
    for (const [method, path, body] of [
      ['POST', '/system/functions', { service: 'fresh', image }],
      ['POST', '/system/scale-function/chatty', { replicas: 2 }],
      ['POST', '/system/secrets', { name: 'fresh', value: 'x' }],
      ['POST', '/system/namespace/', { name: 'fresh', labels: { openfaas: '1' } }],
    ] as const) {
      const { status, text } = await berth.api(method, path, body);
      t.is(status, 507, `${path}: ${text}`);
      t.false(text.includes('/'), text);
    }
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
