import { Connection, pause, type RpcOptions } from './connection.ts';
import { isDeadlineExceeded, isUnavailable } from './containerd-error.ts';
import { eventsOn } from './event-service.ts';
import { introspectionOn } from './introspection-service.ts';
import { namespacedClient, type NamespacedClient } from './namespaced-client.ts';
import { namespacesOn } from './namespace-service.ts';
import { version as methods } from './protos.ts';

/**
 * A client of containerd 1.6 to 2.x over its gRPC socket. It connects on the first call and again after a restart of
 * containerd; meanwhile calls fail at once, with a ContainerdError for which `isUnavailable` is true.
 */
export class Containerd {
  /** Path of containerd's socket, such as `/run/containerd/containerd.sock`. */
  readonly address: string;
  readonly namespaces: ReturnType<typeof namespacesOn>;
  readonly events: ReturnType<typeof eventsOn>;
  readonly introspection: ReturnType<typeof introspectionOn>;
  readonly #connection: Connection;

  constructor({ address }: { address: string }) {
    this.address = address;
    this.#connection = Connection.open(address);
    this.namespaces = namespacesOn(this.#connection);
    this.events = eventsOn(this.#connection);
    this.introspection = introspectionOn(this.#connection);
  }

  /** Asks for the version of containerd. */
  async version(options?: RpcOptions): Promise<{ version: string; revision: string }> {
    return await this.#connection.unary(methods.Version, {}, options);
  }

  /** Gives a client for one namespace; it asks containerd nothing. */
  namespace(name: string): NamespacedClient {
    return namespacedClient(this.#connection, name);
  }

  /** Resolves when containerd answers. */
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

  /** Ends the connection, and with it the calls under way. */
  close(): void {
    this.#connection.close();
  }
}
