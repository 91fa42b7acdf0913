import type { CallOptions, Connection } from './call.ts';
import { introspection as methods } from './protos.ts';

export interface Plugin {
  /** Such as `io.containerd.snapshotter.v1`. */
  type: string;
  id: string;
  capabilities: string[];
  exports: Record<string, string>;
  platforms: { os: string; architecture: string; variant: string }[];
  /** Why the plugin is not loaded; absent when it is. */
  initError?: string;
}

export interface Server {
  /** Of this daemon's root folder. */
  uuid: string;
  /** Absent before containerd 1.7. */
  pid?: number;
}

export type Introspection = ReturnType<typeof introspectionOn>;

export function introspectionOn(connection: Connection) {
  return {
    async plugins(filters: string[] = [], options?: CallOptions): Promise<Plugin[]> {
      const { plugins } = await connection.unary(methods.Plugins, { filters }, options);
      return plugins.map(({ type, id, capabilities, exports, platforms, initErr }) => ({
        type,
        id,
        capabilities,
        exports,
        platforms,
        ...(initErr && { initError: initErr.message }),
      }));
    },
    async server(options?: CallOptions): Promise<Server> {
      const { uuid, pid } = await connection.unary(methods.Server, {}, options);
      return { uuid, ...(pid && { pid }) };
    },
  };
}
