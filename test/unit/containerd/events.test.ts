import type { ServerWritableStream } from '@grpc/grpc-js';
import test from 'ava';
import type { ContainerdEvent } from '../../../src/containerd/index.ts';
import { events, messages } from '../../../src/containerd/protos.ts';
import { serve } from './server.ts';

const exitedAt = { seconds: 7, nanos: 0 };
const exit = { containerId: 'c1', pid: 5, exitStatus: 137, exitedAt };

const sent: Record<string, Buffer> = {
  TaskStart: messages.TaskStart.serialize({ containerId: 'c1', pid: 5 }),
  TaskOOM: messages.TaskOOM.serialize({ containerId: 'c1' }),
  TaskExit: messages.TaskExit.serialize({ ...exit, id: 'c1' }),
  TaskDelete: messages.TaskDelete.serialize(exit),
  ContainerCreate: Buffer.from('payload'),
};

async function receive(envelopes: object[]): Promise<ContainerdEvent['event'][]> {
  const Subscribe = (call: ServerWritableStream<object, object>) => {
    for (const envelope of envelopes) call.write(envelope);
  };
  await using server = await serve({ definition: events, implementation: { Subscribe } });
  const received: ContainerdEvent['event'][] = [];
  for await (const { event } of server.client.events.subscribe()) {
    if (received.push(event) === envelopes.length) break;
  }
  return received;
}

const envelope = (type: string, value = sent[type]) => ({ event: { type_url: `containerd.events.${type}`, value } });

test('events of tasks arrive decoded, others as they are', async (t) => {
  t.deepEqual(await receive(Object.keys(sent).map((type) => envelope(type))), [
    { type: 'task-start', containerId: 'c1', pid: 5 },
    { type: 'task-oom', containerId: 'c1' },
    { type: 'task-exit', ...exit, execId: undefined, exitedAt: new Date(7000) },
    { type: 'task-delete', ...exit, exitedAt: new Date(7000) },
    { type: 'other', typeUrl: 'containerd.events.ContainerCreate', value: Buffer.from('payload') },
  ]);
});

test('the exit of an exec names it, and is not taken for the exit of the container', async (t) => {
  const [event] = await receive([envelope('TaskExit', messages.TaskExit.serialize({ ...exit, id: 'e1' }))]);
  t.like(event, { type: 'task-exit', containerId: 'c1', execId: 'e1' });
});
