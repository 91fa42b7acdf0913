import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry } from '@prometheus-io/client';
import test from 'ava';
import fc from 'fast-check';
import { silentLog } from '../../../src/base/log.ts';
import { createGateway } from '../../../src/gateway/index.ts';
import { defaultConfig, serve } from '../../../src/provider/index.ts';
import { dataFolder } from './data-folder.ts';
import { rawRequest, type RawRequest } from './http-texts.ts';

const cases = Number(process.env['BERTH_FUZZ_HTTP_CASES'] ?? 2000);
/** Generous: the host runs other things. */
const longestDelayMs = 5000;

/** Returns the status of the answer; `cut` where the server closed before all of a long body was sent. */
async function statusOf(port: number, { method, target, headers, body }: RawRequest): Promise<string> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  socket.setTimeout(20_000, () => socket.destroy());
  const head = [`${method} ${target} HTTP/1.1`, 'Host: a', 'Connection: close'];
  const bytes = Buffer.from(body);
  socket.write(`${[...head, `Content-Length: ${bytes.length}`, ...headers].join('\r\n')}\r\n\r\n`);
  socket.write(bytes);
  let answer = '';
  socket.on('data', (piece: string) => (answer += piece));
  await new Promise((resolve) => socket.on('error', () => undefined).once('close', resolve));
  const isLong = bytes.length > 50_000;
  return /^HTTP\/1\.1 (\d+) /.exec(answer)?.[1] ?? (isLong && answer === '' ? 'cut' : `no answer but ${answer}`);
}

test('no request over HTTP is left without an answer, answered 5xx, or blocks the daemon', async (t) => {
  t.timeout(120_000);
  const { folder, provider, start, remove } = await dataFolder();
  t.teardown(remove);
  const secretMountPath = join(folder, 'auth');
  await mkdir(secretMountPath);
  await writeFile(join(secretMountPath, 'basic-auth-user'), 'admin');
  await writeFile(join(secretMountPath, 'basic-auth-password'), 'password');
  const config = { ...defaultConfig, enableBasicAuth: true, secretMountPath, tcpPort: 0, bind: '127.0.0.1' };
  const registry = new Registry();
  const version = { release: '0', sha: '0' };
  const gateway = createGateway({ provider, config, version, ready: () => true, registry, log: silentLog });
  const server = await serve(gateway.handlers, config, { registry, extraRoutes: gateway.routes, drainMs: 0 });
  t.teardown(() => server.close());
  const delays = monitorEventLoopDelay();
  delays.enable();
  const answers = new Map<string, number>();
  const property = fc.asyncProperty(rawRequest, async (request) => {
    const status = await statusOf(server.port, request);
    answers.set(status, (answers.get(status) ?? 0) + 1);
    if (!/^[234]|^cut$/.test(status)) throw new Error(`answered ${status}`);
    if (delays.max > longestDelayMs * 1e6) throw new Error(`blocked for ${delays.max / 1e6} ms`);
  });
  await t.notThrowsAsync(fc.assert(property, { numRuns: cases, endOnFailure: true }));
  await t.notThrowsAsync(start());
  t.log(JSON.stringify([...answers].sort()));
  for (const status of ['200', '202', '400', '401', '404']) t.true(answers.has(status), status);
});
