import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { readVersion } from '../../../src/daemon/version.ts';
import { run } from '../../helpers/processes.ts';

/** A folder with the installer and a package.json, as a checkout has them. */
async function program() {
  const path = await mkdtemp(join(tmpdir(), 'program-'));
  await cp(join(import.meta.dirname, '../../../install.sh'), join(path, 'install.sh'));
  await writeFile(join(path, 'package.json'), '{ "version": "1.2.3" }');
  const git = (...args: string[]) =>
    run('git', ['-c', 'user.name=me', '-c', 'user.email=me@host', ...args], { cwd: path });
  return { path, git, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const writeCommit = (folder: string) => run('sh', ['-c', 'sh ./install.sh commit >commit'], { cwd: folder });

test('the version names the commit that the installer found in the checkout', async (t) => {
  await using checkout = await program();
  await checkout.git('init', '--quiet');
  await checkout.git('commit', '--quiet', '--allow-empty', '--message', 'A "quoted" $subject\n\nand a body');
  await writeCommit(checkout.path);
  const { stdout } = await checkout.git('rev-parse', 'HEAD');
  t.deepEqual(await readVersion(checkout.path), {
    release: '1.2.3',
    sha: stdout.trim(),
    commit_message: 'A "quoted" $subject',
  });
});

test('without git, and where the repository around the checkout is another, the commit is unknown', async (t) => {
  await using outer = await program();
  await outer.git('init', '--quiet');
  await outer.git('commit', '--quiet', '--allow-empty', '--message', 'another project');
  const inner = join(outer.path, 'inner');
  await mkdir(inner);
  for (const name of ['install.sh', 'package.json']) await cp(join(outer.path, name), join(inner, name));
  const unknown = { release: '1.2.3', sha: 'unknown', commit_message: '' };
  t.deepEqual(await readVersion(inner), unknown);
  await writeCommit(inner);
  t.deepEqual(await readVersion(inner), unknown);
});
