import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import timers from 'node:timers/promises';
import test from 'ava';
import { RegistryError } from '../../../src/registry/index.ts';
import { blobOf, client, imageAt, serve } from './server.ts';

const body = randomBytes(1024 * 1024);
const blob = blobOf(body);

function offsetOf(request: IncomingMessage): number {
  return Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
}

function answerRange(request: IncomingMessage, response: ServerResponse, end = body.length): void {
  const offset = offsetOf(request);
  const range = { 'content-range': `bytes ${offset}-${body.length - 1}/${body.length}` };
  response.writeHead(offset > 0 ? 206 : 200, {
    'content-length': body.length - offset,
    ...(offset > 0 && range),
  });
  // Written first and cut then, so that what was sent arrives.
  response.write(body.subarray(offset, end), () => (end < body.length ? response.destroy() : response.end()));
}

test('a blob comes whole', async (t) => {
  const server = await serve(t, (request, response) => answerRange(request, response));
  t.true(body.equals(await buffer(client(t).openBlob(imageAt(server), blob))));
  t.deepEqual(server.lines(), [`GET /v2/app/blobs/${blob.digest}`]);
});

test('a blob is read on from an offset', async (t) => {
  const server = await serve(t, (request, response) => answerRange(request, response));
  const rest = await buffer(client(t).openBlob(imageAt(server), blob, { offset: 1000 }));
  t.true(rest.equals(body.subarray(1000)));
  t.is(server.requests[0]?.headers.range, 'bytes=1000-');
});

test('a cut connection is reopened where it was cut, as often as it brings something', async (t) => {
  const server = await serve(t, (request, response) => {
    answerRange(request, response, Math.min(offsetOf(request) + 200_000, body.length));
  });
  t.true(body.equals(await buffer(client(t).openBlob(imageAt(server), blob))));
  t.true(server.requests.length > 4);
  t.is(offsetOf(server.requests[1] as IncomingMessage), 200_000);
});

test('a server without ranges is read from the start, and what is known is dropped', async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': body.length });
    if (server.requests.length === 1) response.write(body.subarray(0, 300_000), () => response.destroy());
    else response.end(body);
  });
  t.true(body.equals(await buffer(client(t).openBlob(imageAt(server), blob))));
});

test('a body that ends early is as good as cut', async (t) => {
  const server = await serve(t, (request, response) => {
    const offset = offsetOf(request);
    if (offset > 0) return answerRange(request, response);
    response.end(body.subarray(0, 500_000));
  });
  t.true(body.equals(await buffer(client(t).openBlob(imageAt(server), blob))));
});

test('a connection that falls silent is as good as cut', async (t) => {
  const server = await serve(t, (request, response) => {
    const offset = offsetOf(request);
    if (offset > 0) return answerRange(request, response);
    response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 400_000));
  });
  const made = client(t, { stallTimeoutMs: 1_000 });
  t.true(body.equals(await buffer(made.openBlob(imageAt(server), blob))));
  t.is(server.requests[1]?.headers.range, 'bytes=400000-');
});

/** Sends a byte at a time, without end, or closes after each. */
for (const [what, send] of [
  ['a byte now and then', (response: ServerResponse) => void setInterval(() => response.write('x'), 20).unref()],
  ['a byte a connection', (response: ServerResponse) => response.write('x', () => response.destroy())],
] as const) {
  test(`a registry that brings ${what} is given up`, async (t) => {
    const server = await serve(t, (request, response) => {
      const range = `bytes ${offsetOf(request)}-${body.length - 1}/${body.length}`;
      response.writeHead(offsetOf(request) > 0 ? 206 : 200, { 'content-range': range });
      send(response);
    });
    const read = buffer(client(t, { stallTimeoutMs: 1_000 }).openBlob(imageAt(server), blob));
    const error = await t.throwsAsync(Promise.race([read, timers.setTimeout(60_000)]), { instanceOf: RegistryError });
    t.is(error?.kind, 'unreachable');
    t.regex(error?.message ?? '', /cut 3 times, or brought fewer than 1024 bytes a second, at byte/);
  });
}

test('a reader may take longer than the network may be silent', async (t) => {
  const server = await serve(t, (request, response) => answerRange(request, response));
  let length = 0;
  for await (const chunk of client(t, { stallTimeoutMs: 2_000 }).openBlob(imageAt(server), blob)) {
    if (length === 0) await new Promise((resolve) => setTimeout(resolve, 4_000));
    length += chunk.length;
  }
  t.is(length, body.length);
  t.is(server.requests.length, 1);
});

test('a blob that is shorter than the manifest says is told as corrupt', async (t) => {
  const server = await serve(t, (request, response) => {
    if (offsetOf(request) > 0) response.writeHead(416).end();
    else response.end(body.subarray(0, 1000));
  });
  const error = await t.throwsAsync(buffer(client(t).openBlob(imageAt(server), blob)), { instanceOf: RegistryError });
  t.is(error?.kind, 'corrupt');
});

test('three cuts without a byte between them end the read', async (t) => {
  const server = await serve(t, (request, response) => {
    if (server.requests.length === 1) return answerRange(request, response, 100_000);
    response.writeHead(206, { 'content-range': `bytes ${offsetOf(request)}-${body.length - 1}/${body.length}` });
    response.flushHeaders();
    setImmediate(() => response.destroy());
  });
  const error = await t.throwsAsync(buffer(client(t).openBlob(imageAt(server), blob)), { instanceOf: RegistryError });
  t.is(error?.kind, 'unreachable');
  t.regex(error?.message ?? '', /cut 3 times.* at byte 100000 of 1048576 of blob sha256:/);
  t.is(server.requests.length, 4);
});

test('a blob that is longer than promised is refused', async (t) => {
  const server = await serve(t, (_, response) => response.end(Buffer.concat([body, Buffer.from('more')])));
  const error = await t.throwsAsync(buffer(client(t).openBlob(imageAt(server), blob)), { instanceOf: RegistryError });
  t.is(error?.kind, 'corrupt');
  t.regex(error?.message ?? '', /is longer than its 1048576 bytes/);
});

test('an answer of another range is refused', async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(206, { 'content-range': `bytes 0-${body.length - 1}/${body.length}` }).end(body);
  });
  const read = buffer(client(t).openBlob(imageAt(server), blob, { offset: 1000 }));
  await t.throwsAsync(read, { message: /another range/ });
});

test('a blob that is gone is told as not found', async (t) => {
  const server = await serve(t, (_, response) => response.writeHead(404).end());
  const error = await t.throwsAsync(buffer(client(t).openBlob(imageAt(server), blob)), { instanceOf: RegistryError });
  t.is(error?.kind, 'not-found');
});

test('a reader that stops closes the connection', async (t) => {
  let closed: (() => void) | undefined;
  const ended = new Promise<void>((resolve) => (closed = resolve));
  const server = await serve(t, (_, response) => {
    response.on('close', () => closed?.());
    response.write(body.subarray(0, 1000));
  });
  for await (const chunk of client(t).openBlob(imageAt(server), blob)) {
    t.true(chunk.length > 0);
    break;
  }
  await ended;
});

test('an abort ends a read under way with its own reason', async (t) => {
  const stop = new AbortController();
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 1000));
  });
  const read = async () => {
    const chunks = client(t).openBlob(imageAt(server), blob, { signal: stop.signal });
    for await (const chunk of chunks) if (chunk.length > 0) stop.abort(new Error('shutting down'));
  };
  await t.throwsAsync(read(), { message: 'shutting down' });
});
