import { Connection, pause, type CallOptions } from './call.ts';
import { isDeadlineExceeded, isUnavailable } from './containerd-error.ts';
import { eventsOn, type Events } from './event-service.ts';
import { introspectionOn, type Introspection } from './introspection-service.ts';
import { NamespacedClient } from './namespaced-client.ts';
import { namespacesOn, type Namespaces } from './namespace-service.ts';
import { version as methods } from './protos.ts';

export interface ContainerdOptions {
  /** Path of containerd's socket, such as `/run/containerd/containerd.sock`. */
  address: string;
}

/**
 * containerd 1.6 to 2.x over its gRPC socket. Connects on the first call and again after a restart of the daemon;
 * meanwhile calls fail at once, with a ContainerdError for which `isUnavailable` is true.
 */
export class Containerd {
  readonly address: string;
  readonly namespaces: Namespaces;
  readonly introspection: Introspection;
  readonly events: Events;
  readonly #connection: Connection;

  constructor({ address }: ContainerdOptions) {
    this.address = address;
    this.#connection = Connection.open(address);
    this.namespaces = namespacesOn(this.#connection);
    this.introspection = introspectionOn(this.#connection);
    this.events = eventsOn(this.#connection);
  }

  async version(options?: CallOptions): Promise<{ version: string; revision: string }> {
    return await this.#connection.unary(methods.Version, {}, options);
  }

  namespace(name: string): NamespacedClient {
    return new NamespacedClient(this.#connection, name);
  }

  /** Until the daemon answers. */
  async waitReady(signal?: AbortSignal): Promise<void> {
    for (;;) {
      try {
        await this.version({ signal });
        return;
      } catch (error) {
        if (signal?.aborted || !(isUnavailable(error) || isDeadlineExceeded(error))) throw error;
      }
      await pause(100, signal);
    }
  }

  close(): void {
    this.#connection.close();
  }
}
