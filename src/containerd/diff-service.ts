import { withTimeout, type CallOptions, type Connection } from './call.ts';
import { diff as methods } from './protos.ts';
import { toDescriptor, type Descriptor, type Mount } from './wire-types.ts';

export interface LayerToApply {
  /** The layer's blob in the content store; containerd unpacks gzip, zstd and plain tar by its media type. */
  diff: Descriptor;
  /** As `snapshots.prepare` gave them. */
  mounts: Mount[];
}

export type Diff = ReturnType<typeof diffOn>;

const unpackTimeoutMs = 30 * 60_000;

export function diffOn(connection: Connection) {
  return {
    /** Unpacks a layer; the answer's digest is that of the uncompressed tar, the layer's diff id. */
    async apply(layer: LayerToApply, options?: CallOptions): Promise<Descriptor> {
      const { applied } = await connection.unary(methods.Apply, layer, withTimeout(options, unpackTimeoutMs));
      return toDescriptor(applied);
    },
  };
}
