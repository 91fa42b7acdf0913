import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { endProcess } from '../helpers/processes.ts';

const checkout = join(import.meta.dirname, '../..');

const source = `
import { forgoFetch } from FORGO_FETCH;
forgoFetch();
const { default: { dependencies } } = await import(PACKAGE, { with: { type: 'json' } });
for (const name of Object.keys(dependencies)) if (!/^@(types|nats-io)\\//.test(name)) await import(name);
const { loadSync } = await import('@grpc/proto-loader');
loadSync('containerd.proto', { includeDirs: [PROTOS], longs: Number, enums: String, defaults: true });
await import(SERVER);`;

/**
 * The floor of the daemon's memory: Node.js with berth's flags, which has loaded the packages that berth loads without `nats_url` and the
 * interface of containerd, and in front of a function is the plain proxy.
 * @param program what Node.js is given to start berth
 * @param proxied where the function listens, and what is taken off the path, as plain-proxy.ts is told
 */
export async function startBareNode(program: string[], ...proxied: [host: string, port: string, prefix: string]) {
  const [main = ''] = program.slice(-1);
  // As JavaScript: what runs TypeScript takes memory that is measured too.
  const server = join(dirname(main), 'plain-proxy.mjs');
  await writeFile(server, stripTypeScriptTypes(await readFile(join(import.meta.dirname, 'plain-proxy.ts'), 'utf8')));
  const values: Record<string, string> = {
    FORGO_FETCH: join(dirname(main), 'base/forgo-fetch.js'),
    PACKAGE: join(checkout, 'package.json'),
    PROTOS: join(checkout, 'protos'),
    SERVER: server,
  };
  const script = source.replaceAll(/\b[A-Z_]{6,}\b/g, (name) => JSON.stringify(values[name] ?? name));
  const file = join(dirname(main), 'bare-node.mjs');
  await writeFile(file, script);
  const child = spawn(process.execPath, [...program.slice(0, -1), file, ...proxied], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    pid: child.pid ?? 0,
    url: `http://127.0.0.1:${said.toString().trim()}${proxied[2]}`,
    [Symbol.asyncDispose]: () => endProcess(child),
  };
}
