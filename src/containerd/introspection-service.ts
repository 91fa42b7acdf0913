import type { RpcOptions, Connection } from './connection.ts';
import { introspection as methods } from './protos.ts';

/** A part that containerd was built with and that its configuration leaves on. */
export interface ContainerdPlugin {
  /** Such as `overlayfs`. */
  id: string;
  /** What it tells of itself, such as `root`, the folder that it keeps its files in. */
  exports: Record<string, string>;
  /** Why it is not loaded, in containerd's words; absent where it is. */
  failure?: string;
}

/** Makes the calls that ask containerd about itself. */
export function introspectionOn(connection: Connection) {
  return {
    /**
     * Lists the plugins of a type, loaded or not.
     * @param type such as `io.containerd.snapshotter.v1`
     */
    async plugins(type: string, options?: RpcOptions): Promise<ContainerdPlugin[]> {
      const { plugins } = await connection.unary(methods.Plugins, { filters: [`type==${type}`] }, options);
      return plugins.map(({ id, exports, initErr }) => ({ id, exports, failure: initErr?.message }));
    },
  };
}
