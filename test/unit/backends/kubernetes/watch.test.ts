/** Watches over real HTTP, from a server that does what an API server may do. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KubernetesClient } from '../../../../src/backends/kubernetes/kubernetes-client.ts';
import { KubernetesError } from '../../../../src/backends/kubernetes/kubernetes-error.ts';

type Answer = (response: ServerResponse, path: string) => void;

/** Watches what the server answers, and returns the names of what was told. */
async function watched(t: ExecutionContext, answer: Answer, signal = new AbortController().signal) {
  const server = createServer((request, response) => answer(response, request.url ?? ''));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  const folder = await mkdtemp(join(tmpdir(), 'kubeconfig-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = join(folder, 'config');
  const clusters = [{ name: 'c', cluster: { server: address, 'insecure-skip-tls-verify': true } }];
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  const users = [{ name: 'u', user: { token: 'x' } }];
  await writeFile(file, JSON.stringify({ clusters, contexts, users, 'current-context': 'c' }));
  const names: string[] = [];
  const client = await KubernetesClient.open(file);
  const done = client
    .pods('fns', 'a=b')
    .watch('7', ({ type, object }) => void names.push(`${type} ${object.metadata?.name}`), signal);
  return { names, done };
}

const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const added = (name: string) => line('ADDED', { metadata: { name } });

test('events are told in turn, however their bytes come, until the server ends', async (t) => {
  let asked = '';
  const { names, done } = await watched(t, (response, path) => {
    asked = path;
    const bytes = Buffer.from(added('one') + added('zwölf'));
    response.write(bytes.subarray(0, bytes.length - 8));
    setImmediate(() => response.end(bytes.subarray(bytes.length - 8)));
  });
  await done;
  t.deepEqual(names, ['ADDED one', 'ADDED zwölf']);
  const { pathname, searchParams } = new URL(asked, 'http://x');
  t.is(pathname, '/api/v1/namespaces/fns/pods');
  t.like(Object.fromEntries(searchParams), { watch: 'true', resourceVersion: '7', labelSelector: 'a=b' });
  t.is(searchParams.get('allowWatchBookmarks'), 'true');
});

test('a version that has expired is said so, by the answer or in it', async (t) => {
  const status = { code: 410, reason: 'Expired', message: 'too old resource version' };
  const within = await watched(t, (response) => response.end(added('one') + line('ERROR', status)));
  t.true((await t.throwsAsync(within.done, { instanceOf: KubernetesError })).isExpired);
  t.deepEqual(within.names, ['ADDED one']);
  const before = await watched(t, (response) => response.writeHead(410).end(JSON.stringify(status)));
  const error = await t.throwsAsync(before.done, { instanceOf: KubernetesError, message: /too old/ });
  t.true(error.isExpired);
});

test('a watch that breaks is an error, and one that is ended is none', async (t) => {
  const broken = await watched(t, (response) => {
    response.write(added('one'));
    setImmediate(() => response.destroy());
  });
  await t.throwsAsync(broken.done, { instanceOf: KubernetesError });
  const ending = new AbortController();
  const ended = await watched(
    t,
    (response) => {
      response.write(added('one'));
      setImmediate(() => ending.abort());
    },
    ending.signal,
  );
  await t.notThrowsAsync(ended.done);
});
