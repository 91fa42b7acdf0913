import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test from 'ava';
import { runCli, serviceEnvironment } from '../../../src/cli/index.ts';

const folder = join(import.meta.dirname, '../../..');

async function berth(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const cli = { env: {}, stdin, stdout, stderr, folder, signal: new AbortController().signal };
  const code = await runCli(args, cli);
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

test('without a verb, and with help, berth lists its verbs', async (t) => {
  for (const args of [[], ['help'], ['--help'], ['-h']]) {
    const { code, stdout } = await berth(...args);
    t.is(code, 0);
    t.regex(stdout, /^ {2}version +print the version of berth$/m);
  }
});

test('every verb says how it is used', async (t) => {
  const { stdout } = await berth('help');
  for (const [, name = ''] of stdout.matchAll(/^ {2}(\w+) {2}/gm)) {
    const { code, stdout: said } = await berth(name, '--help');
    t.is(code, 0);
    t.true(said.startsWith(`berth ${name} `));
  }
});

test('a verb that there is not, and an option that it has not, are wrong usage', async (t) => {
  t.deepEqual(await berth('frobnicate'), {
    code: 2,
    stdout: '',
    stderr: 'berth: no such verb: frobnicate; berth help lists them\n',
  });
  const { code, stderr } = await berth('version', '--frobnicate');
  t.is(code, 2);
  t.regex(stderr, /^berth version: Unknown option '--frobnicate'.*; see berth version --help\n$/);
});

test('version is printed for people and for programs', async (t) => {
  t.regex((await berth('version')).stdout, /^berth \d+\.\d+\.\d+ \(\w+\)\n$/);
  t.like(JSON.parse((await berth('version', '--json')).stdout), { release: '0.1.0' });
});

test("the service's settings are read from its file, under the process's variables", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'cli-'));
  try {
    const file = join(dir, 'berth.env');
    await writeFile(file, '# a comment\n#port=1\nport=9090\nbind="127.0.0.1"\n');
    const env = await serviceEnvironment({ berth_env_file: file, bind: '127.0.0.2' });
    t.is(env['port'], '9090');
    t.is(env['bind'], '127.0.0.2');
    t.deepEqual(await serviceEnvironment({ berth_env_file: join(dir, 'absent') }), {
      berth_env_file: join(dir, 'absent'),
    });
  } finally {
    await rm(dir, { recursive: true });
  }
});
