import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { startBerth, type TestBerth } from '../../helpers/berth.ts';
import { startContainerd, type TestContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry, type TestRegistry } from '../../helpers/registry.ts';
import { ask, callOf, deploy, update } from '../lifecycle/setup.ts';
import { listOf, statusOf, tasksIn, untilAvailable } from './setup.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');

let registry: TestRegistry;
let containerd: TestContainerd;
let berth: TestBerth;
let image: string;
let folder: string;
test.before(async () => {
  [containerd, registry] = await Promise.all([startContainerd(), startRegistry()]);
  berth = await startBerth({ containerd });
  image = (await functionImage(registry)).reference;
  folder = await mkdtemp(join(tmpdir(), 'files-'));
});
test.after.always(async () => {
  await berth?.stop();
  await Promise.all([containerd?.stop(), registry?.stop(), rm(folder, { recursive: true, force: true })]);
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await berth.log()).slice(-8000));
});

/** Runs a verb of the command line as on the daemon's host, and gives its code and what it printed. */
async function verb(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = {
    PATH: process.env.PATH,
    port: String(berth.port),
    berth_env_file: join(berth.folder, 'berth.env'),
    secret_mount_path: join(berth.folder, 'auth'),
    data_dir: join(berth.folder, 'data'),
    docker_config: join(berth.folder, 'docker-config.json'),
    functions_dir: join(berth.folder, 'functions.d'),
    hosts_dir: join(berth.folder, 'certs.d'),
  };
  const ran = promisify(execFile)(process.execPath, [main, ...args], { env });
  return ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }) => ({ code, stdout, stderr }),
  );
}

const write = (name: string, functions: Record<string, string>) => {
  const bodies = Object.entries(functions).map(([fn, A]) => [fn, { image, environment: { A } }]);
  return writeFile(join(folder, name), JSON.stringify({ functions: Object.fromEntries(bodies) as object }));
};
const numbered = (count: number, A = '1') =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i + 1}`, A]));
const pids = async () => (await tasksIn(containerd)).map(({ pid }) => pid);

test.serial(
  'apply of a folder with 20 functions adds, changes and prunes as the files say, and starts nothing else anew',
  async (t) => {
    await write('ten.yml', numbered(10));
    await write('more.yml', Object.fromEntries(Object.entries(numbered(20)).slice(10)));
    const first = await verb('apply', folder);
    t.is(first.code, 0, first.stderr);
    t.regex(first.stdout, /^20 added, 0 changed, 0 unchanged, 0 pruned$/m);
    for (let i = 1; i <= 20; i++) await until(() => untilAvailable(berth, `f${i}`, 1), { timeoutMs: 60_000 });
    const before = await pids();
    t.is(before.length, 20);

    await write('ten.yml', { ...numbered(8), f1: '2', f2: '2', new: '1' });
    const second = await verb('apply', folder, '--prune');
    t.regex(second.stdout, /^1 added, 2 changed, 16 unchanged, 2 pruned$/m, second.stderr);
    await until(() => untilAvailable(berth, 'new', 1), { timeoutMs: 60_000 });
    await until(async () => (await pids()).length === 19, {
      timeoutMs: 60_000,
      message: 'what was replaced to be gone',
    });
    const after = await pids();
    t.is(after.filter((pid) => before.includes(pid)).length, 16, 'sixteen were left alone');
    t.is((await statusOf(berth, 'f2')).envVars?.['A'], '2');

    await rm(join(folder, 'more.yml'));
    t.regex((await verb('apply', folder, '--prune')).stdout, /^0 added, 0 changed, 9 unchanged, 10 pruned$/m);
    t.is((await listOf(berth)).length, 9);
  },
);

test.serial('a backup of one host brings back functions, secrets, namespaces and answers on another', async (t) => {
  await write('ten.yml', { f1: '2' });
  await verb('apply', folder, '--prune');
  await ask(berth, 'POST', '/system/namespace/', {
    name: 'staging',
    labels: { openfaas: '1', team: 'a' },
    annotations: { b: 'c' },
  });
  await ask(berth, 'POST', '/system/secrets', {
    name: 'key',
    namespace: 'staging',
    rawValue: Buffer.from([0, 255, 10]).toString('base64'),
  });
  await ask(berth, 'POST', '/system/secrets', { name: 'word', value: 'of secrets' });
  await deploy(berth, { service: 'told', image, secrets: ['word'], envVars: { A: 'one' } });
  await update(berth, { service: 'told', image, secrets: ['word'], envVars: { A: 'two' } });
  await deploy(berth, { service: 'there', namespace: 'staging', image, secrets: ['key'] });
  await until(() => untilAvailable(berth, 'told', 1), { timeoutMs: 60_000 });
  const told = await callOf(berth, 'told/file/var/openfaas/secrets/word');
  const before = { functions: await allFunctions(), told };
  const file = join(folder, 'backup');
  await writeFile(join(folder, 'passphrase'), 'a b c\n');
  const { code, stdout, stderr } = await verb('backup', file, '--passphrase-file', join(folder, 'passphrase'));
  t.is(code, 0, stderr);
  t.regex(stdout, /^3 functions, 1 namespaces, 2 secrets/);

  await berth.stop();
  await containerd.stop();
  containerd = await startContainerd();
  berth = await startBerth({ containerd });
  const running = await verb('restore', file, '--passphrase-file', join(folder, 'passphrase'));
  t.is(running.code, 1);
  t.regex(running.stderr, /another berth, process \d+, has data_dir \S+: stop it/);
  await berth.kill();
  const restored = await verb('restore', file, '--passphrase-file', join(folder, 'passphrase'));
  t.is(restored.code, 0, restored.stderr);
  await berth.start();

  await until(() => untilAvailable(berth, 'told', 1), { timeoutMs: 60_000 });
  await until(async () => (await listOf(berth, 'staging'))[0]?.availableReplicas === 1, { timeoutMs: 60_000 });
  t.deepEqual(
    { functions: await allFunctions(), told: await callOf(berth, 'told/file/var/openfaas/secrets/word') },
    before,
  );
  t.like(JSON.parse((await berth.api('GET', '/system/namespace/staging')).text), {
    labels: { team: 'a' },
    annotations: { b: 'c' },
  });
  const bytes = await berth.api('GET', '/system/secrets?namespace=staging');
  t.deepEqual(JSON.parse(bytes.text), [{ name: 'key', namespace: 'staging' }]);
  await ask(berth, 'POST', '/system/rollback-function/told');
  await until(async () => (await statusOf(berth, 'told')).envVars?.['A'] === 'one', { timeoutMs: 60_000 });
});

/** What the API says of all functions, without how they are now. */
async function allFunctions() {
  const all = [...(await listOf(berth)), ...(await listOf(berth, 'staging'))];
  return all
    .map((status) => ({ ...status, availableReplicas: 0, invocationCount: 0 }))
    .sort((a, b) => a.name.localeCompare(b.name));
}
