import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { endProcess } from '../helpers/processes.ts';

const checkout = join(import.meta.dirname, '../..');

const source = `
import { forgoFetch } from FORGO_FETCH;
forgoFetch();
const { default: { dependencies } } = await import(PACKAGE, { with: { type: 'json' } });
for (const name of Object.keys(dependencies)) if (!name.startsWith('@types/')) await import(name);
const { loadSync } = await import('@grpc/proto-loader');
loadSync('containerd.proto', { includeDirs: [PROTOS], longs: Number, enums: String, defaults: true });
const { createServer } = await import('node:http');
createServer().listen(0, '127.0.0.1', () => console.log('listens'));`;

/**
 * The floor of an idle daemon: Node.js with berth's flags, which has loaded the packages that berth is built on and the
 * interface of containerd, and listens.
 * @param program what Node.js is given to start berth
 */
export async function startBareNode(program: string[]) {
  const [main = ''] = program.slice(-1);
  const values: Record<string, string> = {
    FORGO_FETCH: join(dirname(main), 'base/forgo-fetch.js'),
    PACKAGE: join(checkout, 'package.json'),
    PROTOS: join(checkout, 'protos'),
  };
  const script = source.replaceAll(/\b[A-Z_]{6,}\b/g, (name) => JSON.stringify(values[name] ?? name));
  const child = spawn(process.execPath, [...program.slice(0, -1), '--input-type=module', '--eval', script], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return { pid: child.pid ?? 0, [Symbol.asyncDispose]: () => endProcess(child) };
}
