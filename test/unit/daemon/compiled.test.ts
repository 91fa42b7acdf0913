import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { run } from '../../helpers/processes.ts';

const checkout = join(import.meta.dirname, '../../..');

/** The program as the installer lays it out. */
async function compiled() {
  const path = await mkdtemp(join(tmpdir(), 'compiled-'));
  await mkdir(join(path, 'runtime'));
  await symlink(dirname(process.execPath), join(path, 'runtime/bin'));
  await run('sh', [join(checkout, 'install.sh'), 'compile', path]);
  for (const name of ['protos', 'cni', 'package.json'])
    await cp(join(checkout, name), join(path, name), { recursive: true });
  await symlink(join(checkout, 'node_modules'), join(path, 'node_modules'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** The places in berth's own files that an error names whose cause is a setting that cannot be read. */
async function places(folder: string, main: string): Promise<string[]> {
  const script = `
    const { readDaemonConfig } = await import('${join(folder, 'src/daemon', main)}');
    try { readDaemonConfig({ port: 'none' }); } catch (error) { console.log(error.stack); }`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
  return [...stdout.matchAll(/src\/(\S+)\.[jt]s:(\d+:\d+)/g)].map(([, file, place]) => `${file} ${place}`);
}

test('what is installed is JavaScript and what browsers get as it is; it runs and names the lines of the source where it fails', async (t) => {
  await using program = await compiled();
  const files = await readdir(join(program.path, 'src'), { recursive: true, withFileTypes: true });
  const kinds = new Set(files.filter((file) => file.isFile()).map(({ name }) => name.split('.').at(-1)));
  t.deepEqual([...kinds].sort(), ['css', 'html', 'js', 'svg']);
  const found = await places(program.path, 'index.js');
  t.true(found.length > 1, found.join());
  t.deepEqual(found, await places(checkout, 'index.ts'));
});

/** What browsers get of the page: the name of each file, and its tag. */
async function assetsOf(folder: string, file: string): Promise<unknown> {
  const script = `
    const { readAssets } = await import('${join(folder, 'src/gateway/dashboard', file)}');
    console.log(JSON.stringify([...await readAssets()].map(([name, { etag }]) => name + ' ' + etag).sort()));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script]);
  return JSON.parse(stdout);
}

test('a browser gets the same page of what is installed as of the source', async (t) => {
  await using program = await compiled();
  const assets = await assetsOf(checkout, 'assets.ts');
  t.true(Array.isArray(assets) && assets.length > 10);
  t.deepEqual(await assetsOf(program.path, 'assets.js'), assets);
});
