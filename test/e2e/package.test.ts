/** The SDK as others get it: packed, installed elsewhere, its examples run and driven by the real faas-cli. */
import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import test from 'ava';
import { contractCases, type ContractTarget } from '../../src/contract/index.ts';
import { faasCli } from '../helpers/faas-cli.ts';
import { endProcess, run } from '../helpers/processes.ts';
import { succeeded } from './setup.ts';

const checkout = join(import.meta.dirname, '../..');
const dependencies = join(checkout, 'node_modules');

interface Manifest {
  dependencies: Record<string, string>;
}

let folder: string;
let tarball: string;
/** An empty project with nothing but the package and, as there is no registry here, the checkout's copies of what it needs. */
let project: string;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  // The npm of the machine wants the node that it came with.
  const PATH = process.env['PATH']
    ?.split(delimiter)
    .filter((entry) => entry !== dirname(process.execPath))
    .join(delimiter);
  await run('npm', ['pack', '--silent', '--pack-destination', folder], {
    cwd: checkout,
    env: { ...process.env, PATH },
  });
  const [packed = 'nothing'] = await readdir(folder);
  tarball = join(folder, packed);
  project = join(folder, 'project');
  const installed = join(project, 'node_modules', 'berth');
  await mkdir(installed, { recursive: true });
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', installed]);
  const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest;
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    await mkdir(dirname(join(project, 'node_modules', name)), { recursive: true });
    await symlink(join(dependencies, name), join(project, 'node_modules', name));
  }
  await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
  // Node.js runs no TypeScript of node_modules.
  await cp(join(installed, 'examples'), join(project, 'examples'), { recursive: true });
});
test.after.always(() => rm(folder, { recursive: true, force: true }));

const examples = ['memory', 'raw-handlers'];

/** Taken from what it prints when it serves. */
async function portOf({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error('its stdout is not piped');
  const [printed] = (await once(stdout, 'data', { signal: AbortSignal.timeout(60_000) })) as [Buffer];
  const [, port] = /^serving on port (\d+)\n$/.exec(printed.toString()) ?? [];
  if (!port) throw new Error(`it printed no port: ${printed.toString()}`);
  return port;
}

test.serial('the package holds the SDK with its page and examples, and no more', async (t) => {
  const { stdout } = await run('tar', ['-tzf', tarball]);
  const files = stdout.trim().split('\n');
  const others = files.filter(
    (file) => !/^package\/dist\/(index|base\/.*|provider\/.*|contract\/.*)(\.d\.ts|\.js)$/.test(file),
  );
  const rest = [
    'LICENSE',
    'README.md',
    'commit',
    'docs/sdk.md',
    ...examples.map((name) => `examples/${name}/provider.ts`),
  ];
  t.deepEqual(
    others.sort(),
    [...rest, 'package.json'].map((file) => `package/${file}`),
  );
  t.true(files.includes('package/dist/index.js'));
  t.true(files.includes('package/dist/index.d.ts'));
  t.true(files.includes('package/dist/contract/index.d.ts'));
});

test.serial('the examples agree with the packed types, and those with themselves', async (t) => {
  const compilerOptions = {
    ...{ target: 'es2024', module: 'nodenext', types: ['node'], noEmit: true },
    ...{ strict: true, noUncheckedIndexedAccess: true, verbatimModuleSyntax: true, skipLibCheck: false },
  };
  await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['examples'] }));
  const tsc = join(dependencies, 'typescript/bin/tsc');
  const complaints = await run(process.execPath, [tsc], { cwd: project }).then(
    () => '',
    (error: Error & { stdout: string }) => error.stdout,
  );
  t.is(complaints, '');
});

test.serial('the example memory keeps the contract of back ends', async (t) => {
  const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
  const env = { port: '0' };
  const example = spawn(process.execPath, ['examples/memory/provider.ts'], { cwd: project, env, stdio });
  try {
    const url = `http://127.0.0.1:${await portOf(example)}`;
    const lacks: ContractTarget['lacks'] = ['logs', 'rollBack', 'restart', 'replicas', 'pulls', 'host'];
    const target: ContractTarget = { url, image: 'example/echo:1', lacks };
    for (const { verb, title, run: tried } of contractCases(target))
      await t.notThrowsAsync(Promise.try(tried), `${verb}: ${title}`);
  } finally {
    await endProcess(example);
  }
});

for (const name of examples) {
  test.serial(`faas-cli deploys, lists, describes, calls and removes on the example ${name}`, async (t) => {
    const stdio: StdioOptions = ['ignore', 'pipe', 'inherit'];
    const example = spawn(process.execPath, [`examples/${name}/provider.ts`], {
      cwd: project,
      env: { port: '0' },
      stdio,
    });
    try {
      await using cli = await faasCli(`http://127.0.0.1:${await portOf(example)}`);
      const deploy = ['deploy', '--name', 'hello', '--image', 'example/hello:1', '--label', 'team=blue'];
      t.regex(succeeded(await cli.run(...deploy)), /Deployed\. 202 Accepted\./);
      t.regex(succeeded(await cli.run(...deploy)), /Deployed\. 200 OK\./);
      t.regex(succeeded(await cli.run('list')), /^hello +\t0 +\t1 +$/m);
      const described = succeeded(await cli.run('describe', 'hello'));
      for (const line of [/^Name: +hello$/m, /^Status: +Ready$/m, /^Image: +example\/hello:1$/m, /team : blue$/m])
        t.regex(described, line);
      t.is(succeeded(await cli.runWith('echoed', 'invoke', 'hello')), 'echoed');
      succeeded(await cli.run('remove', 'hello'));
      t.regex(succeeded(await cli.run('list')), /Replicas\n$/);
      t.regex((await cli.run('describe', 'hello')).stdout, /No such function: hello/);
      t.regex((await cli.run('invoke', 'hello')).stdout, /503 - No endpoints available for: hello\./);
    } finally {
      await endProcess(example);
    }
    t.is(example.exitCode, 0);
  });
}
