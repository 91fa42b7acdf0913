import test from 'ava';
import { readEvents, type ServerEvent } from '../../../../../src/gateway/dashboard/browser/event-reader.ts';

/** Reads chunks that come one by one. */
async function read(chunks: (string | Uint8Array)[]): Promise<ServerEvent[]> {
  const encoder = new TextEncoder();
  const bytes = chunks.map((chunk) => (typeof chunk === 'string' ? encoder.encode(chunk) : chunk));
  const events: ServerEvent[] = [];
  await readEvents(new Response(ReadableStream.from(bytes)), (event) => events.push(event));
  return events;
}

const message = (data: string): ServerEvent => ({ name: 'message', data });

const streams: [what: string, text: string, events: ServerEvent[]][] = [
  ['data alone is a message', 'data: a\n\n', [message('a')]],
  ['name and id are read, in any order', 'id: 7\ndata: a\nevent: host\n\n', [{ name: 'host', data: 'a', id: '7' }]],
  ['lines of data are joined', 'data: a\ndata:\ndata\ndata: b\n\n', [message('a\n\n\nb')]],
  ['one space behind the colon is no value', 'data:a\n\ndata:  b\n\n', [message('a'), message(' b')]],
  ['a colon in a value stays', 'data: {"a":"b: c"}\n\n', [message('{"a":"b: c"}')]],
  ['comments and unknown fields are passed over', ':\n\n: data: x\n\nretry: 10\ndata: a\n:data: b\n\n', [message('a')]],
  ['an event without data is none', 'event: host\nid: 3\n\ndata: a\n\n', [message('a')]],
  ['what the end cuts off is no event', 'data: a\n\ndata: b\n', [message('a')]],
  ['more empty lines are nothing', '\n\n\ndata: a\n\n\n\n\ndata: b\n\n', [message('a'), message('b')]],
  ['U+2028 and U+2029 end no line', 'data: a\u2028b\u2029c\n\n', [message('a\u2028b\u2029c')]],
  ['letters of many bytes come whole', 'event: ä\ndata: 東京 🚢\n\n', [{ name: 'ä', data: '東京 🚢' }]],
  ['a stream of nothing has no event', '', []],
];
for (const [what, text, events] of streams) {
  test(`${what}, in one chunk, in two and byte by byte`, async (t) => {
    for (const lines of [text, text.replaceAll('\n', '\r\n')]) {
      const bytes = new TextEncoder().encode(lines);
      t.deepEqual(await read([lines]), events);
      for (let i = 1; i < bytes.length; i += 1) {
        t.deepEqual(await read([bytes.slice(0, i), bytes.slice(i)]), events, `cut behind byte ${i}`);
      }
      t.deepEqual(await read(Array.from(bytes, (byte) => Uint8Array.of(byte))), events);
    }
  });
}

test('an event is told when it is whole, before the stream ends', async (t) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const { promise, resolve } = Promise.withResolvers<ServerEvent>();
  const end = readEvents(new Response(readable), resolve);
  await writer.write(new TextEncoder().encode('data: a\n\ndata: b'));
  t.deepEqual(await promise, message('a'));
  await writer.close();
  await end;
});

test('an answer without a body has no event, and an error of the stream is told', async (t) => {
  await t.notThrowsAsync(readEvents(new Response(null), () => t.fail()));
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error('cut')) });
  await t.throwsAsync(
    readEvents(new Response(broken), () => t.fail()),
    { message: 'cut' },
  );
});
