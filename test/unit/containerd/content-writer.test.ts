import { randomBytes } from 'node:crypto';
import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import test from 'ava';
import { ContainerdError, isCancelled, isUnavailable } from '../../../src/containerd/index.ts';
import { content } from '../../../src/containerd/protos.ts';
import { serve, type GrpcServer } from './server.ts';

interface WriteRequest {
  action: string;
  ref: string;
  offset: number;
  data: Buffer;
}

type Call = ServerDuplexStream<WriteRequest, { offset: number }>;

const blob = { ref: 'layer-1', total: 100, expected: 'sha256:0' };

function daemon(Write: (call: Call) => void): Promise<GrpcServer> {
  return serve({ definition: content, implementation: { Write } });
}

/** Answers each request with how much it has. */
function taking(onRequest: (request: WriteRequest, call: Call) => void = () => undefined) {
  return (call: Call) => {
    let offset = 0;
    call.on('data', (request: WriteRequest) => {
      offset += request.data.length;
      onRequest(request, call);
      call.write({ offset });
    });
    call.on('end', () => call.end());
  };
}

async function thrown(promise: Promise<unknown>): Promise<ContainerdError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ContainerdError) return error;
  throw new Error('expected a ContainerdError', { cause: error });
}

test('the daemon reads what was written, in parts of any size, with namespace and lease', async (t) => {
  const requests: WriteRequest[] = [];
  let metadata: Record<string, unknown> = {};
  await using server = await daemon((call) => {
    metadata = call.metadata.getMap();
    taking((request) => requests.push(request))(call);
  });
  const client = server.client.namespace('fn').withLease('l1');
  const writer = await client.content.openWriter(blob);
  const sizes = [[1], [126, 1], [100, 28], [70_000, 0, 60_000], [1024 * 1024], []];
  for (const parts of sizes) {
    const chunks = parts.map((size) => randomBytes(size));
    const before = writer.offset;
    await writer.write(...chunks);
    const { action, offset, data } = requests.at(-1)!;
    t.deepEqual([action, offset], ['WRITE', before]);
    t.true(data.equals(Buffer.concat(chunks)), `${parts.join()} bytes`);
  }
  await writer.close();
  t.like(requests[0], { action: 'STAT', ref: 'layer-1' });
  t.like(metadata, { 'containerd-namespace': 'fn', 'containerd-lease': 'l1' });
});

test('what the daemon fails with is told with its code and its words', async (t) => {
  const details = 'ingest "ü 100%" is off: 1 %2';
  await using server = await daemon((call) => call.emit('error', { code: status.DATA_LOSS, details }));
  const error = await thrown(server.client.namespace('fn').content.openWriter(blob));
  t.like(error, { code: status.DATA_LOSS, details, method: 'Content.Write', namespace: 'fn' });
});

test('a daemon that is away, and one that goes, are told as such', async (t) => {
  await using server = await daemon(taking());
  const { content: client } = server.client.namespace('fn');
  const writer = await client.openWriter(blob);
  await server.stop();
  t.true(isUnavailable(await thrown(writer.write(Buffer.alloc(10)))));
  await writer.close();
  t.true(isUnavailable(await thrown(client.openWriter(blob))));
});

test('a daemon that ends the stream without an answer is told as such', async (t) => {
  await using server = await daemon((call) => call.end());
  t.true(isUnavailable(await thrown(server.client.namespace('fn').content.openWriter(blob))));
});

test('the end of the client ends a writer, also one that nobody waits for', async (t) => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  await using server = await daemon((call) => {
    call.once('cancelled', () => end());
    taking()(call);
  });
  const writer = await server.client.namespace('fn').content.openWriter(blob);
  server.client.close();
  await ended;
  t.true(isCancelled(await thrown(writer.write(Buffer.alloc(10)))));
});
