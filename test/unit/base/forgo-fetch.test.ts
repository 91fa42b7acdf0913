import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';

const src = join(import.meta.dirname, '../../../src');

/** Says at the end of a process whether fetch was loaded in it; Node.js lists its own modules as it loads them. */
const tell = `process.once('exit', () => console.log(process.moduleLoadList.some((name) => name.endsWith('undici/undici'))));`;

function node(args: string[], env: Record<string, string> = {}): string {
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } });
  return stdout.trim();
}

test("the daemon's modules load no fetch, which Node's http would bring", (t) => {
  const preload = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`];
  // It reads its settings once all of them are loaded, and ends there.
  t.is(
    node([...preload, join(src, 'main.ts')], { port: 'none' })
      .split('\n')
      .at(-1),
    'false',
  );
  t.is(node([...preload, '--input-type=module', '--eval', `import 'node:http'`]), 'true');
});

test('neither does an answer in JSON', (t) => {
  const script = `${tell}
    const { forgoFetch } = await import('${join(src, 'base/forgo-fetch.ts')}');
    forgoFetch();
    const { default: Koa } = await import('koa');
    const { get } = await import('node:http');
    const server = new Koa().use((ctx) => void (ctx.body = { a: 1 })).listen(0, '127.0.0.1', () =>
      get({ port: server.address().port }, (response) => response.pipe(process.stdout).once('unpipe', () => process.exit())));`;
  t.is(node(['--input-type=module', '--eval', script]), '{"a":1}false');
});
