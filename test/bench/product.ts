import { mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../helpers/processes.ts';

const checkout = join(import.meta.dirname, '../..');

/** What install.sh starts the service with. */
const nodeFlags = ['--use-system-ca', '--disable-warning=DEP0060', '--max-semi-space-size=2', '--optimize-for-size'];

/** Compiles this checkout as it is installed; gives the arguments with which Node.js starts it. */
export async function compileProduct(): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'product-'));
  for (const name of ['protos', 'cni', 'node_modules', 'package.json']) {
    await symlink(join(checkout, name), join(folder, name));
  }
  const settings = {
    extends: join(checkout, '.tsconfig.build.json'),
    compilerOptions: { declaration: false, noCheck: true, rootDir: join(checkout, 'src'), outDir: join(folder, 'src') },
    files: [join(checkout, 'src/main.ts')],
  };
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(settings));
  await run(join(checkout, 'node_modules/.bin/tsc'), ['--project', folder]);
  return [...nodeFlags, join(folder, 'src/main.js')];
}
