import { status, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { functionLabel } from '../../../../src/backends/containerd/replicas/labels.ts';
import { containers, events, namespaces, tasks, version } from '../../../../src/containerd/protos.ts';
import { serve, type GrpcServer } from '../../containerd/server.ts';

type Reply = (error: object | null, answer?: object) => void;

/** What the scripted containerd has and refuses. */
export interface Script {
  /** Namespaces that are there: names and labels. */
  namespaces: Map<string, Record<string, string>>;
  /** Containers by namespace: the function that each belongs to. */
  containers: Record<string, Record<string, string>>;
  /** Called before each answer, with the call's name such as `Tasks.Get` and its request; what it throws is answered. */
  before?: (call: string, request: unknown) => void;
  /** Subscriptions to events that are open now, and how many there ever were. */
  open: Set<object>;
  subscriptions: number;
}

export function script(given: Partial<Script> = {}): Script {
  return {
    namespaces: new Map([['openfaas-fn', { openfaas: '1' }]]),
    containers: {},
    open: new Set(),
    subscriptions: 0,
    ...given,
  };
}

/** An error as containerd answers it. */
export function refusal(code: keyof typeof status, details: string): Error {
  return Object.assign(new Error(details), { code: status[code], details });
}

/** Serves what the script says over real gRPC: every replica has a task that runs. */
export function serveScripted(told: Script): Promise<GrpcServer> {
  const answering =
    (name: string, answer: (request: never, namespace: string) => object) =>
    (call: ServerUnaryCall<object, object>, reply: Reply) => {
      try {
        told.before?.(name, call.request);
        const namespace = String(call.metadata.get('containerd-namespace')[0] ?? '');
        reply(null, answer(call.request as never, namespace));
      } catch (error) {
        reply(error as object);
      }
    };
  const putNamespace = ({ namespace }: { namespace: { name: string; labels: Record<string, string> } }) => {
    told.namespaces.set(namespace.name, namespace.labels);
    return { namespace };
  };
  return serve(
    { definition: version, implementation: { Version: answering('Version.Version', () => ({ version: 'v2' })) } },
    {
      definition: namespaces,
      implementation: {
        List: answering('Namespaces.List', () => ({
          namespaces: [...told.namespaces].map(([name, labels]) => ({ name, labels })),
        })),
        Create: answering(
          'Namespaces.Create',
          (request: { namespace: { name: string; labels: Record<string, string> } }) => {
            if (told.namespaces.has(request.namespace.name)) throw refusal('ALREADY_EXISTS', 'already exists');
            return putNamespace(request);
          },
        ),
        Update: answering('Namespaces.Update', putNamespace),
      },
    },
    {
      definition: containers,
      implementation: {
        Get: answering('Containers.Get', ({ id }: { id: string }, namespace) => {
          const name = told.containers[namespace]?.[id];
          if (name === undefined) throw refusal('NOT_FOUND', `container ${id} not found`);
          return { container: { id, labels: { [functionLabel]: name } } };
        }),
        ListStream(call: ServerWritableStream<{ filters: string[] }, object>) {
          const namespace = String(call.metadata.get('containerd-namespace')[0] ?? '');
          try {
            told.before?.('Containers.ListStream', call.request);
          } catch (error) {
            call.emit('error', error);
            return;
          }
          for (const [id, name] of Object.entries(told.containers[namespace] ?? {}))
            call.write({ container: { id, labels: { [functionLabel]: name } } });
          call.end();
        },
      },
    },
    {
      definition: tasks,
      implementation: {
        Get: answering('Tasks.Get', ({ containerId }: { containerId: string }) => ({
          process: { id: containerId, status: 'RUNNING', pid: 1 },
        })),
      },
    },
    {
      definition: events,
      implementation: {
        Subscribe(call: ServerWritableStream<object, object>) {
          told.subscriptions += 1;
          told.open.add(call);
          call.on('cancelled', () => told.open.delete(call));
        },
      },
    },
  );
}
