import { mkdtemp, readFile, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from '../helpers/processes.ts';

const checkout = join(import.meta.dirname, '../..');
const installer = join(checkout, 'install.sh');

/** Compiles this checkout as it is installed; gives the arguments with which the service starts Node.js. */
export async function compileProduct(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'product-'));
  for (const name of ['protos', 'cni', 'node_modules', 'package.json']) {
    await symlink(join(checkout, name), join(folder, name));
  }
  await symlink(dirname(dirname(process.execPath)), join(folder, 'runtime'));
  await run('sh', [installer, 'compile', folder]);
  const flags = /^node_flags="(.*)"$/m.exec(await readFile(installer, 'utf8'))?.[1];
  if (flags === undefined) throw new Error('install.sh names no node_flags');
  return [...flags.split(' '), join(folder, 'src/main.js')];
}
