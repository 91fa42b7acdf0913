import { once } from 'node:events';
import { connect } from 'node:net';
import test from 'ava';
import { defaultConfig, EventStream, serve, type FaaSContext } from '../../../src/provider/index.ts';
import { until } from '../../helpers/poll.ts';

/** Serves one stream and hands it out; the request stays until its caller leaves. */
async function streaming(onStream: (stream: EventStream, ctx: FaaSContext) => void) {
  const handler = async (ctx: FaaSContext) => {
    onStream(new EventStream(ctx), ctx);
    if (!ctx.state.signal.aborted) await once(ctx.state.signal, 'abort');
  };
  const config = { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1' };
  const extraRoutes = [{ method: 'GET' as const, path: '/events', handler }];
  return serve({ functionProxy: { web: (_, res) => void res.end() } }, config, { extraRoutes, drainMs: 0 });
}

test('each event is JSON on one line, with its name and its id, and is sent at once', async (t) => {
  const server = await streaming((stream) => {
    stream.send({ data: 'a\nb' });
    stream.send({ name: 'host', id: '7-1', data: { text: '</script>' } });
  });
  t.teardown(() => server.close());
  const reply = await fetch(`http://127.0.0.1:${server.port}/events`);
  t.is(reply.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  t.is(reply.headers.get('cache-control'), 'no-store');
  const expected = 'data: "a\\nb"\n\nevent: host\nid: 7-1\ndata: {"text":"</script>"}\n\n';
  let read = '';
  for await (const text of reply.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    read += text;
    if (read.length >= expected.length) break;
  }
  t.is(read, expected);
});

test('the end of the server ends a stream cleanly', async (t) => {
  const server = await streaming((stream) => stream.send({ data: 1 }));
  const reply = await fetch(`http://127.0.0.1:${server.port}/events`);
  const rest = reply.text();
  await server.close();
  t.is(await rest, 'data: 1\n\n');
});

test('a reader that does not read is cut off', async (t) => {
  const held: { stream?: EventStream; ctx?: FaaSContext } = {};
  const server = await streaming((stream, ctx) => Object.assign(held, { stream, ctx }));
  t.teardown(() => server.close());
  const socket = connect(server.port ?? 0, '127.0.0.1');
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
  const { stream, ctx } = await until(() => held.stream && held.ctx && { stream: held.stream, ctx: held.ctx });
  const data = 'x'.repeat(100_000);
  await until(() => {
    stream.send({ data });
    return ctx.state.signal.aborted;
  });
  t.true(ctx.res.destroyed);
});
