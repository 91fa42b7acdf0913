import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Metadata,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import test from 'ava';
import {
  ContainerdError,
  isAlreadyExists,
  isCancelled,
  isDeadlineExceeded,
  isFailedPrecondition,
  isInvalidArgument,
  isNotFound,
  isUnavailable,
  isUnimplemented,
} from '../../../src/containerd/index.ts';
import { containers, content, events, tasks, version } from '../../../src/containerd/protos.ts';
import { serve } from './server.ts';

type Call = ServerUnaryCall<object, object>;
type Answer = sendUnaryData<object>;
type Stream = ServerWritableStream<object, object>;

const versionService = {
  definition: version,
  implementation: { Version: (_: Call, answer: Answer) => answer(null, { version: '1.2.3', revision: 'r' }) },
};

function tasksService(implementation: Record<string, (call: Call, answer: Answer) => void>) {
  return { definition: tasks, implementation };
}

async function thrown(promise: Promise<unknown>): Promise<ContainerdError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ContainerdError) return error;
  throw new Error('expected a ContainerdError', { cause: error });
}

test('a call in a namespace carries it, and the lease when there is one', async (t) => {
  const seen: Metadata[] = [];
  await using server = await serve(
    versionService,
    tasksService({
      Wait: (call, answer) => {
        seen.push(call.metadata);
        answer(null, {});
      },
    }),
  );
  const client = server.client.namespace('fn');
  await client.tasks.wait({ containerId: 'a' });
  await client.withLease('l1').tasks.wait({ containerId: 'a' });
  await client.tasks.wait({ containerId: 'a' });
  t.deepEqual(
    seen.map((metadata) => [metadata.get('containerd-namespace'), metadata.get('containerd-lease')]),
    [
      [['fn'], []],
      [['fn'], ['l1']],
      [['fn'], []],
    ],
  );
  t.is(client.withLease('l1').name, 'fn');
});

test('a call outside any namespace carries none', async (t) => {
  let seen: Metadata | undefined;
  const Version = (call: Call, answer: Answer) => {
    seen = call.metadata;
    answer(null, { version: '1.2.3' });
  };
  await using server = await serve({ definition: version, implementation: { Version } });
  t.is((await server.client.version()).version, '1.2.3');
  t.deepEqual(seen?.get('containerd-namespace'), []);
});

test('a daemon that does not answer fails the call at its deadline', async (t) => {
  await using server = await serve(tasksService({ Get() {} }));
  const error = await thrown(server.client.namespace('fn').tasks.get('a', { timeoutMs: 50 }));
  t.true(isDeadlineExceeded(error));
  t.is(error.method, 'Tasks.Get');
  t.is(error.namespace, 'fn');
});

for (const said of ['UNKNOWN', 'CANCELLED'] as const) {
  test(`a daemon whose clock runs out first, and then says ${said}, is told as a deadline`, async (t) => {
    const Wait = (call: Call, answer: Answer) => {
      const leftMs = Number(call.getDeadline()) - Date.now();
      setTimeout(() => answer({ code: status[said], details: 'of the daemon' }), Math.max(0, leftMs - 3));
    };
    await using server = await serve(tasksService({ Wait }));
    const { tasks: client } = server.client.namespace('fn');
    for (let i = 0; i < 10; i++) {
      t.true(isDeadlineExceeded(await thrown(client.wait({ containerId: 'a' }, { timeoutMs: 50 }))));
    }
  });
}

test('every unary call has a deadline by default but wait', async (t) => {
  const deadlines: Record<string, number> = {};
  const note = (name: string) => (call: Call, answer: Answer) => {
    deadlines[name] = (Number(call.getDeadline()) - Date.now()) / 1000;
    answer(null, { process: {} });
  };
  await using server = await serve(tasksService({ Get: note('get'), Create: note('create'), Wait: note('wait') }));
  const client = server.client.namespace('fn').tasks;
  await client.get('a');
  await client.create({ containerId: 'a', rootfs: [] });
  await client.wait({ containerId: 'a' });
  t.true(deadlines['get']! > 5 && deadlines['get']! <= 10, `get: ${deadlines['get']} s`);
  t.true(deadlines['create']! >= 60 && deadlines['create']! <= 120, `create: ${deadlines['create']} s`);
  t.is(deadlines['wait'], Infinity);
});

test.serial('a step of the wall clock while a call goes out takes nothing of its time', async (t) => {
  let leftMs = 0;
  const Get = (call: Call, answer: Answer) => {
    leftMs = Number(call.getDeadline()) - Date.now();
    answer(null, { process: {} });
  };
  await using server = await serve(tasksService({ Get }));
  const asked = server.client.namespace('fn').tasks.get('a');
  const { Date: RealDate } = globalThis;
  t.teardown(() => (globalThis.Date = RealDate));
  globalThis.Date = class extends RealDate {
    constructor(ms = RealDate.now() + 3_600_000) {
      super(ms);
    }

    static override now = () => new Date().getTime();
  } as DateConstructor;
  await asked;
  t.true(leftMs > 5000, `the daemon was given ${leftMs} ms`);
});

test('an abort ends the call on both sides and keeps the reason', async (t) => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const abort = new AbortController();
  const reason = new Error('the caller left');
  const Wait = (call: Call) => {
    call.once('cancelled', () => end());
    abort.abort(reason);
  };
  await using server = await serve(tasksService({ Wait }));
  const error = await thrown(server.client.namespace('fn').tasks.wait({ containerId: 'a' }, { signal: abort.signal }));
  t.true(isCancelled(error));
  t.is(error.cause, reason);
  await t.notThrowsAsync(ended);
});

test('a signal that has fired already sends nothing', async (t) => {
  let calls = 0;
  await using server = await serve(tasksService({ Get: () => calls++ }));
  const error = await thrown(server.client.namespace('fn').tasks.get('a', { signal: AbortSignal.abort() }));
  t.true(isCancelled(error));
  t.is(calls, 0);
});

test('a signal that times out counts as a deadline', async (t) => {
  await using server = await serve(tasksService({ Get() {} }));
  const error = await thrown(server.client.namespace('fn').tasks.get('a', { signal: AbortSignal.timeout(30) }));
  t.true(isDeadlineExceeded(error));
});

test('a status becomes an error with method, namespace, code, details and cause, asked for by predicate', async (t) => {
  const predicates = {
    1: isCancelled,
    3: isInvalidArgument,
    4: isDeadlineExceeded,
    5: isNotFound,
    6: isAlreadyExists,
    9: isFailedPrecondition,
    12: isUnimplemented,
    14: isUnavailable,
  };
  const Get = (call: Call, answer: Answer) =>
    answer({ code: Number((call.request as { containerId: string }).containerId), details: 'as the daemon says' });
  await using server = await serve(tasksService({ Get }));
  for (const code of Object.keys(predicates)) {
    const error = await thrown(server.client.namespace('fn').tasks.get(code));
    t.like(error, { name: 'ContainerdError', method: 'Tasks.Get', namespace: 'fn', details: 'as the daemon says' });
    t.is(error.code, Number(code));
    t.true(error.cause instanceof Error);
    t.regex(error.message, /Tasks\.Get in namespace fn: as the daemon says/);
    const true_ = Object.entries(predicates).filter(([, is]) => is(error));
    t.deepEqual(
      true_.map(([key]) => key),
      [code],
    );
  }
});

test('predicates are false for other errors', (t) => {
  t.false(isNotFound(new Error('not found')));
  t.false(isNotFound(Object.assign(new Error(), { code: 5 })));
  t.false(isNotFound(undefined));
});

test('with no daemon a call fails at once and the message names the socket', async (t) => {
  await using server = await serve(versionService);
  await server.stop();
  const error = await thrown(server.client.version({ timeoutMs: 60_000 }));
  t.true(isUnavailable(error));
  t.true(error.message.includes(server.address), error.message);
});

test('a service that this containerd does not have is told by predicate', async (t) => {
  await using server = await serve(versionService);
  t.true(isUnimplemented(await thrown(server.client.namespace('fn').tasks.get('a'))));
});

test('after a restart of the daemon the same client works again', async (t) => {
  await using server = await serve(versionService);
  await server.client.version();
  for (let restart = 0; restart < 3; restart++) {
    await server.stop();
    t.true(isUnavailable(await thrown(server.client.version())));
    const ready = server.client.waitReady(AbortSignal.timeout(10_000));
    await server.start();
    await ready;
    t.is((await server.client.version()).version, '1.2.3');
  }
});

test('waitReady ends when its signal fires', async (t) => {
  await using server = await serve(versionService);
  await server.stop();
  const abort = new AbortController();
  const ready = thrown(server.client.waitReady(abort.signal));
  await sleep(150);
  abort.abort();
  t.true(isCancelled(await ready));
});

test('answers over 4 MiB arrive', async (t) => {
  const data = Buffer.alloc(5 * 1024 * 1024, 'x');
  const Read = (call: Stream) => {
    call.write({ data });
    call.end();
  };
  await using server = await serve({ definition: content, implementation: { Read } });
  t.true(data.equals(await server.client.namespace('fn').content.readAll('sha256:0')));
});

test('leaving a stream ends it at the daemon', async (t) => {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const Subscribe = (call: Stream) => {
    call.once('cancelled', () => end());
    call.write({ topic: '/one' });
    call.write({ topic: '/two' });
  };
  await using server = await serve({ definition: events, implementation: { Subscribe } });
  for await (const { topic } of server.client.events.subscribe()) {
    t.is(topic, '/one');
    break;
  }
  await t.notThrowsAsync(ended);
});

test('a list that fails half-way throws, and is not taken for a short list', async (t) => {
  const ListStream = (call: Stream) => {
    call.write({ container: { id: 'a' } });
    call.emit('error', { code: 13, details: 'lost' });
  };
  await using server = await serve({ definition: containers, implementation: { ListStream } });
  const error = await thrown(server.client.namespace('fn').containers.list());
  t.is(error.details, 'lost');
});

test('an error that comes before the first read of a subscription is thrown by that read', async (t) => {
  const Subscribe = (call: Stream) => call.emit('error', { code: 3, details: 'bad filter' });
  await using server = await serve({ definition: events, implementation: { Subscribe } }, versionService);
  const subscription = server.client.events.subscribe(['topic==/tasks/exit']);
  // A round trip on the same connection, so that the error has arrived.
  await server.client.version();
  await sleep(20);
  t.true(isInvalidArgument(await thrown(subscription.next())));
});

test('a subscription that the daemon ends throws', async (t) => {
  const event = { timestamp: { seconds: 5, nanos: 6e6 }, namespace: 'fn', topic: '/x', event: { type_url: 'x/y' } };
  const Subscribe = (call: Stream) => {
    call.write(event);
    call.end();
  };
  await using server = await serve({ definition: events, implementation: { Subscribe } });
  const ended = server.client.events.subscribe();
  const { value } = await ended.next();
  t.like(value, { timestamp: new Date(5006), namespace: 'fn', topic: '/x', event: { type: 'other', typeUrl: 'x/y' } });
  t.true(isUnavailable(await thrown(ended.next())));
});

test('close ends the calls under way, and later calls throw', async (t) => {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  await using server = await serve(tasksService({ Wait: () => arrive() }));
  const client = server.client.namespace('fn');
  const waiting = thrown(client.tasks.wait({ containerId: 'a' }));
  await arrived;
  server.client.close();
  t.true(isCancelled(await waiting));
  t.true(isCancelled(await thrown(client.tasks.get('a'))));
});
