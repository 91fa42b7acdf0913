import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import test from 'ava';
import { busyboxImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, tasksOf, untilAvailable, type TestHost } from './setup.ts';

let host: TestHost;
const main = join(import.meta.dirname, '../../../src/main.ts');

test.before(async () => {
  host = await startHost();
  const { reference: image } = await busyboxImage(host.registry, { user: 'app', env: ['TERM=dumb'] });
  for (const service of ['sh', 'asleep']) {
    await host.berth.api('POST', '/system/functions', { service, image, envVars: { GREETING: 'hello' } });
    await untilAvailable(host.berth, service, 1);
  }
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-4000));
});

function environment(): NodeJS.ProcessEnv {
  const { folder, port } = host.berth;
  return {
    PATH: process.env.PATH,
    TERM: 'xterm-256color',
    berth_env_file: '/dev/null',
    containerd_address: host.containerd.address,
    secret_mount_path: join(folder, 'auth'),
    run_dir: join(folder, 'run'),
    port: String(port),
  };
}

type Client = ChildProcessByStdio<Writable, Readable, Readable>;

function startExec(...args: string[]): Client {
  return spawn(process.execPath, [main, 'exec', ...args], { env: environment(), stdio: 'pipe' });
}

async function exec(args: string[], input: string | Buffer = '') {
  const client = startExec(...args);
  client.stdin.on('error', () => {});
  client.stdin.end(input);
  const ended = once(client, 'close') as Promise<[number]>;
  const [stdout, stderr, [code]] = await Promise.all([text(client.stdout), text(client.stderr), ended]);
  return { stdout, stderr, code };
}

/** Processes in the function beside its own, and FIFOs. */
async function leftBehind(): Promise<string[]> {
  const fifos = await readdir(join(host.berth.folder, 'run/exec')).catch(() => []);
  const { stdout } = await exec([
    'sh',
    '--',
    'sh',
    '-c',
    'for p in /proc/[0-9]*; do tr "\\0" " " < $p/cmdline; echo; done',
  ]);
  const processes = stdout.split('\n').filter((line) => /sleep|cat|yes/.test(line));
  return [...fifos, ...processes];
}

const untilNothingIsLeft = () =>
  until(async () => (await leftBehind()).length === 0, { timeoutMs: 60_000, message: 'nothing to be left' });

test.serial(
  'a command has what it is given and its exit code, its outputs are kept apart, and nothing is left',
  async (t) => {
    const script = 'echo "out $GREETING $1"; echo err >&2; cat; exit 7';
    const ran = await exec(['sh', '--', 'sh', '-c', script, 'x', '--help me'], 'given\n');
    t.deepEqual(ran, { stdout: 'out hello --help me\ngiven\n', stderr: 'err\n', code: 7 });
    const big = Buffer.alloc(3_000_000, 'y');
    const counted = await exec(['sh', '--namespace', 'openfaas-fn', '--', 'sh', '-c', 'tee /dev/stderr | wc -c'], big);
    t.is(counted.stdout.trim(), '3000000');
    t.is(counted.stderr.length, 3_000_000);
    t.is((await exec(['sh.openfaas-fn', '--', 'sh', '-c', 'kill -TERM $$'])).code, 143);
    await untilNothingIsLeft();
  },
);

test.serial('a command is confined as its function is', async (t) => {
  const own = 'grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):" /proc/PID/status; cat /proc/PID/cgroup';
  const of = async (pid: string) => (await exec(['sh', '--', 'sh', '-c', own.replaceAll('PID', pid)])).stdout;
  const init = await of('1');
  t.is(await of('self'), init);
  t.regex(init, /Uid:\t1000/);
  t.regex(init, /NoNewPrivs:\t1/);
});

test.serial('as JSON it is one object', async (t) => {
  const { stdout, code } = await exec(['sh', '--json', '--', 'sh', '-c', 'echo a; echo b >&2; exit 3']);
  t.is(code, 3);
  t.like(JSON.parse(stdout), { exitCode: 3, stdout: 'a\n', stderr: 'b\n' });
});

test.serial('why no command runs is said', async (t) => {
  await host.berth.api('POST', '/system/scale-function/asleep', { replicas: 0 });
  await until(async () => (await tasksOf(host.containerd, 'asleep')).length === 0, { timeoutMs: 60_000 });
  const run = ['--', 'true'];
  t.like(await exec(['asleep', ...run]), {
    code: 1,
    stderr: 'berth exec: asleep is asleep: call it, and run this again while it is awake\n',
  });
  t.regex(
    (await exec(['nobody', ...run])).stderr,
    /^berth exec: there is no function nobody in the namespace openfaas-fn: /,
  );
  t.regex(
    (await exec(['sh', '--replica', 'zz', ...run])).stderr,
    /^berth exec: no replica zz of sh runs: take one of \S+\n$/,
  );
  t.like(await exec(['sh']), { code: 2 });
  t.like(await exec(['S h', ...run]), { code: 2 });
  const absent = await exec(['sh', '--', 'no-such-program']);
  t.is(absent.code, 127);
  t.regex(absent.stderr, /^berth exec: .*no-such-program.*\n$/);
  t.deepEqual(await leftBehind(), []);
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  test.serial(`${signal} reaches the command, which ends the client, and nothing is left`, async (t) => {
    const client = startExec('sh', '--', 'sh', '-c', 'echo up; sleep 1000; echo not reached');
    await once(client.stdout, 'data');
    client.kill(signal);
    const [ended] = (await once(client, 'close')) as [number];
    t.is(ended, code);
    await untilNothingIsLeft();
  });
}

test.serial('a client that is killed leaves nothing', async (t) => {
  const client = startExec('sh', '--', 'sh', '-c', 'trap "" HUP TERM; echo up; sleep 1000 & cat; sleep 1000');
  await once(client.stdout, 'data');
  t.not((await leftBehind()).length, 0);
  client.kill('SIGKILL');
  await untilNothingIsLeft();
});

test.serial('in an update the command runs in a replica that takes calls, not in one that ends its last', async (t) => {
  const { berth, registry } = host;
  const wait = { content: '#!/bin/sh\nsleep 1000\n', mode: 0o755 };
  const { reference: image } = await busyboxImage(registry, { name: 'slow', layers: [{ 'www/cgi-bin/wait': wait }] });
  const deploy = (GREETING: string) =>
    berth.api('PUT', '/system/functions', { service: 'two', image, envVars: { GREETING } });
  await deploy('old');
  await untilAvailable(berth, 'two', 1);
  const leaving = new AbortController();
  const called = fetch(`${berth.url}/function/two/cgi-bin/wait`, { signal: leaving.signal }).catch(() => 'left');
  const calls = async () => (await exec(['two', '--', 'ps'])).stdout.includes('sleep 1000');
  await until(calls, { timeoutMs: 30_000, message: 'the call' });
  await deploy('new');
  t.is((await tasksOf(host.containerd, 'two')).length, 2);
  t.is((await exec(['two', '--', 'sh', '-c', 'echo $GREETING'])).stdout, 'new\n');
  leaving.abort();
  t.is(await called, 'left');
});

test.serial('a command ends when it ends, also when what it started goes on', async (t) => {
  const ran = await exec(['sh', '--', 'sh', '-c', 'sleep 20 & echo done']);
  t.like(ran, { stdout: 'done\n', code: 0 });
  t.true((await leftBehind()).some((line) => line.startsWith('sleep 20')));
  await until(async () => (await leftBehind()).length === 0, { timeoutMs: 60_000 });
});

test.serial('who reads no more ends the command', async (t) => {
  const client = startExec('sh', '--', 'yes');
  await once(client.stdout, 'data');
  client.stdout.destroy();
  const [code] = (await once(client, 'close')) as [number];
  t.not(code, 0);
  const began = performance.now();
  await until(async () => (await readdir(join(host.berth.folder, 'run/exec'))).length === 0, { timeoutMs: 60_000 });
  t.log({ leftMs: Math.round(performance.now() - began) });
  await untilNothingIsLeft();
});

test.serial('in a terminal the command has one of its size, which it is told of, and Ctrl-C is its own', async (t) => {
  const inFunction =
    'tty; echo "term $TERM"; trap "echo interrupted; exit 5" INT; while :; do stty size; sleep 0.05; done';
  const inTerminal = 'stty rows 33 cols 101; tty > "$TTY_FILE"; exec "$@"';
  const words = ['sh', '-c', inTerminal, 'sh', process.execPath, main, 'exec', 'sh', '--', 'sh', '-c', inFunction];
  const command = words.map((word) => `'${word}'`).join(' ');
  const ttyFile = join(host.berth.folder, 'tty');
  const env = { ...environment(), TTY_FILE: ttyFile };
  const client = spawn('script', ['-qfec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => client.kill('SIGKILL'));
  let seen = '';
  client.stdout.on('data', (chunk: Buffer) => (seen += chunk.toString()));
  const sees = (what: RegExp) => until(() => what.test(seen), { message: String(what) }).catch(() => t.fail(seen));
  await sees(/\/dev\/pts\/\d+\r\nterm xterm-256color\r\n(.*\r\n)*33 101\r\n/);
  const tty = (await readFile(ttyFile, 'utf8')).trim();
  // Each stty is two changes at once, of which the last holds.
  for (let rows = 40; rows < 55; rows++) {
    await once(spawn('stty', ['-F', tty, 'rows', `${rows}`, 'cols', `${2 * rows}`]), 'close');
    await sees(new RegExp(`${rows} ${2 * rows}\\r\\n`));
  }
  const closed = once(client, 'close') as Promise<[number]>;
  client.stdin.write('\x03');
  await sees(/interrupted\r\n/);
  t.is((await closed)[0], 5);
  await untilNothingIsLeft();
});
