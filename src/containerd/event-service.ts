import { status } from '@grpc/grpc-js';
import { fromWireAny, type AnyValue } from './any.ts';
import type { Connection } from './connection.ts';
import { events as methods, messages } from './protos.ts';
import { toDate } from './timestamps.ts';

/** The first process of a container has started. */
export interface TaskStartEvent {
  type: 'task-start';
  containerId: string;
  pid: number;
}

/** A process has ended. The event may come before or after the answer to `tasks.wait`. */
export interface TaskExitEvent {
  type: 'task-exit';
  containerId: string;
  /** Absent when it is the container's first process that ended. */
  execId?: string;
  pid: number;
  /** 128 + signal when a signal ended it. */
  exitStatus: number;
  exitedAt?: Date;
}

/** The kernel killed a process of a container out of memory. Comes before the exit event, on a busy host after. */
export interface TaskOomEvent {
  type: 'task-oom';
  containerId: string;
}

/** A task has been deleted. Do not count on it: containerd 2 may end the shim before it has told of it. */
export interface TaskDeleteEvent {
  type: 'task-delete';
  containerId: string;
  pid: number;
  exitStatus: number;
  exitedAt?: Date;
}

/** An event of any other topic, with its payload undecoded. */
export interface OtherEvent extends AnyValue {
  type: 'other';
}

/** An event with what all have in common. */
export interface ContainerdEvent {
  timestamp: Date;
  namespace: string;
  /** Such as `/tasks/exit` or `/containers/create`. */
  topic: string;
  event: TaskStartEvent | TaskExitEvent | TaskOomEvent | TaskDeleteEvent | OtherEvent;
}

/** Makes the subscriptions to events. */
export function eventsOn(connection: Connection) {
  return {
    /**
     * Subscribes to events, from now on and without an end. What happens while no subscription is open is lost, so
     * compare with the lists after subscribing anew. Events of every containerd namespace come unless a filter says
     * `namespace==…`. A comma is AND, several filters are OR, and values with a slash are quoted:
     * `topic=="/tasks/exit"`.
     * @throws ContainerdError when the connection breaks or the signal fires
     */
    subscribe(filters: string[] = [], options: { signal?: AbortSignal } = {}): AsyncGenerator<ContainerdEvent, never> {
      const envelopes = connection.stream(methods.Subscribe, { filters }, options);
      return (async function* () {
        for await (const { timestamp, namespace, topic, event } of envelopes) {
          yield { timestamp: toDate(timestamp) ?? new Date(), namespace, topic, event: decodeEvent(event) };
        }
        throw connection.error(methods.Subscribe, status.UNAVAILABLE, 'containerd ended the event stream');
      })();
    },
  };
}

const decoders: Record<string, (value: Buffer) => ContainerdEvent['event']> = {
  'containerd.events.TaskStart': (value) => ({ type: 'task-start', ...messages.TaskStart.deserialize(value) }),
  'containerd.events.TaskOOM': (value) => ({ type: 'task-oom', ...messages.TaskOOM.deserialize(value) }),
  'containerd.events.TaskExit': decodeExit,
  'containerd.events.TaskDelete': decodeDelete,
};

function decodeEvent(any: { type_url: string; value: Buffer } | null): ContainerdEvent['event'] {
  if (!any) return { type: 'other', typeUrl: '', value: Buffer.alloc(0) };
  const decode = decoders[any.type_url];
  return decode ? decode(any.value) : { type: 'other', ...fromWireAny(any) };
}

function decodeExit(value: Buffer): TaskExitEvent {
  const { containerId, id, pid, exitStatus, exitedAt } = messages.TaskExit.deserialize(value);
  const execId = id === containerId ? undefined : id;
  return { type: 'task-exit', containerId, execId, pid, exitStatus, exitedAt: toDate(exitedAt) };
}

function decodeDelete(value: Buffer): TaskDeleteEvent {
  const { containerId, pid, exitStatus, exitedAt } = messages.TaskDelete.deserialize(value);
  return { type: 'task-delete', containerId, pid, exitStatus, exitedAt: toDate(exitedAt) };
}
