import { withTimeout, type RpcOptions, type Connection } from './connection.ts';
import { diff as methods } from './protos.ts';
import { toDescriptor, type ContentDescriptor, type Mount } from './wire-types.ts';

/** A layer to unpack. */
export interface LayerToApply {
  /** The layer's blob in the content store; containerd unpacks gzip, zstd and plain tar by its media type. */
  diff: ContentDescriptor;
  /** As `snapshots.prepare` gave them. */
  mounts: Mount[];
}

const unpackTimeoutMs = 30 * 60_000;

/** Makes the calls on layers. */
export function diffOn(connection: Connection) {
  return {
    /** Unpacks a layer and returns the uncompressed tar, whose digest is the layer's diff id. */
    async apply(layer: LayerToApply, options?: RpcOptions): Promise<ContentDescriptor> {
      const { applied } = await connection.unary(methods.Apply, layer, withTimeout(options, unpackTimeoutMs));
      return toDescriptor(applied);
    },
  };
}
