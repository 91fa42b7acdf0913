/** `npm start` from a checkout, as the README has it, and what the daemon says when it cannot start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { password, startBerth, username } from '../helpers/berth.ts';
import { startContainerd, type TestContainerd } from '../helpers/containerd.ts';
import { until } from '../helpers/poll.ts';

const repository = join(import.meta.dirname, '../..');
const port = 18_080;

let containerd: TestContainerd;
let folder: string;

test.before(async () => {
  containerd = await startContainerd();
  folder = await mkdtemp(join(tmpdir(), 'checkout-'));
  for (const name of ['src', 'protos', 'cni', 'package.json', 'install.sh'])
    await cp(join(repository, name), join(folder, name), { recursive: true });
  // What needs the network is there already, as after a first start.
  for (const name of ['node_modules', '.runtime']) await symlink(join(repository, name), join(folder, name));
  await mkdir(join(folder, 'auth'));
  await writeFile(join(folder, 'auth/basic-auth-user'), username);
  await writeFile(join(folder, 'auth/basic-auth-password'), `${password}\n`);
});
test.after.always(async () => {
  await containerd.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Foreground extends AsyncDisposable {
  /** Sends the command the signal. */
  kill(signal: NodeJS.Signals): void;
  output(): string;
  /** Its exit code, once it and all that it started have ended. */
  ended: Promise<number | null>;
}

/** Without npm where what it adds does not matter: it is slow. */
function start(command: 'npm start' | 'node src/main.ts', env: Record<string, string> = {}): Foreground {
  const [program = '', ...args] = command.split(' ');
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      npm_config_update_notifier: 'false',
      port: String(port),
      bind: '127.0.0.1',
      metrics_port: '0',
      secret_mount_path: join(folder, 'auth'),
      containerd_address: containerd.address,
      data_dir: join(folder, 'data'),
      run_dir: join(folder, 'run'),
      log_dir: join(folder, 'log'),
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (output += part.toString()));
  let isOver = false;
  const ended = once(child, 'close').then(() => {
    isOver = true;
    return child.exitCode;
  });
  return {
    kill: (signal) => child.kill(signal),
    output: () => output,
    ended,
    async [Symbol.asyncDispose]() {
      if (!isOver && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}

const health = () => fetch(`http://127.0.0.1:${port}/healthz`).then(({ status }) => status);

test.serial('npm start serves in the foreground until SIGTERM, then ends well', async (t) => {
  await using npm = start('npm start');
  await until(async () => (await health()) === 200, { timeoutMs: 30_000, message: 'health' }).catch(() =>
    t.fail(npm.output()),
  );
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  const listed = await fetch(`http://127.0.0.1:${port}/system/functions`, { headers: { authorization } });
  t.is(await listed.text(), '[]');
  npm.kill('SIGTERM');
  t.is(await Promise.race([npm.ended, sleep(15_000, 'still running', { ref: false })]), 0, npm.output());
  t.regex(npm.output(), /berth serves.*18080.* sha=unknown/);
  t.regex(npm.output(), /berth stopped, functions run on/);
  await t.throwsAsync(health(), undefined, 'nothing listens any more');
});

test.serial('it does not start without the password and names the file', async (t) => {
  await mkdir(join(folder, 'empty'), { recursive: true });
  await using npm = start('npm start', { secret_mount_path: join(folder, 'empty') });
  t.not(await npm.ended, 0);
  t.true(npm.output().includes(join(folder, 'empty/basic-auth-user')), npm.output());
  t.notRegex(npm.output(), /^ +at .*\.ts:/m, 'a message and no stack');
});

for (const [name, value] of Object.entries({
  port: 'many',
  read_timeout: 'soon',
  upstream_timeout: '1 parsec',
  basic_auth: 'perhaps',
  mode: 'sideways',
  pull_policy: 'Sometimes',
  log_level: 'loud',
  subnet: '10.62.0.0/99',
  metrics_port: '70000',
})) {
  test.serial(`it does not start with a bad ${name} and names it`, async (t) => {
    await using daemon = start('node src/main.ts', { [name]: value });
    t.not(await daemon.ended, 0);
    t.regex(daemon.output(), new RegExp(`berth cannot start: .*${name}`));
    t.true(daemon.output().includes(value), daemon.output());
    t.notRegex(daemon.output(), /^ +at .*\.ts:/m, 'a message and no stack');
  });
}

test.serial('it starts before containerd does and is healthy once that is there', async (t) => {
  await containerd.kill();
  const berth = await startBerth({ containerd, unready: true });
  try {
    const { pid } = berth;
    t.is((await berth.api('GET', '/healthz')).status, 503);
    const listed = await berth.api('GET', '/system/namespaces');
    t.is(listed.status, 503);
    t.regex(listed.text, /^[^\n]*containerd[^\n]*\n$/);
    await containerd.start();
    await until(async () => (await berth.api('GET', '/healthz')).status === 200, { timeoutMs: 30_000 });
    t.is(berth.pid, pid);
    t.is((await berth.api('GET', '/system/namespaces')).text, '["openfaas-fn"]');
  } finally {
    t.log(await berth.log());
    await berth.stop();
  }
});
