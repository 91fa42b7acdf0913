import type { Descriptor__Output } from './generated/containerd/types/Descriptor.ts';

/** Keys and values up to 4096 bytes together; containerd drops labels whose value is empty. */
export type Labels = Record<string, string>;

/** A blob by its digest, see the OCI image specification. */
export interface Descriptor {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  annotations?: Record<string, string>;
}

/** Arguments of mount(2). */
export interface Mount {
  type: string;
  source: string;
  target: string;
  options: string[];
}

/** containerd answers a create, get or stat with the object or with an error, never with neither. */
export function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new TypeError('containerd answered without the object asked for');
  return value;
}

export function toDescriptor(wire: Descriptor__Output | null): Descriptor {
  const { mediaType, digest, size, annotations } = present(wire);
  return { mediaType, digest, size, annotations };
}
