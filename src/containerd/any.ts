import { messages } from './protos.ts';

/** A value with the name of its type; opaque to the daemon. */
export interface AnyValue {
  /** Without a `type.googleapis.com/` prefix: containerd 1.6 compares the whole string. */
  typeUrl: string;
  value: Buffer;
}

const runtimeSpec = 'types.containerd.io/opencontainers/runtime-spec/1';

export const specTypeUrl = `${runtimeSpec}/Spec`;
export const processTypeUrl = `${runtimeSpec}/Process`;
export const linuxResourcesTypeUrl = `${runtimeSpec}/LinuxResources`;
export const runcOptionsTypeUrl = 'containerd.runc.v1.Options';

/** Options of the runtime `io.containerd.runc.v2`. */
export interface RuncOptions {
  systemdCgroup?: boolean;
  /** The OCI runtime to run: on the daemon's PATH, or an absolute path. Default runc. */
  binaryName?: string;
  /** Where the OCI runtime keeps its state. */
  root?: string;
  noPivotRoot?: boolean;
  noNewKeyring?: boolean;
  shimCgroup?: string;
}

export function jsonAny(typeUrl: string, value: unknown): AnyValue {
  return { typeUrl, value: Buffer.from(JSON.stringify(value)) };
}

export function runcOptionsAny(options: RuncOptions): AnyValue {
  return { typeUrl: runcOptionsTypeUrl, value: messages.RuncOptions.serialize(options) };
}

/** The object inside, for values whose encoding is JSON: OCI documents, and what `jsonAny` made. */
export function parseJsonAny({ typeUrl, value }: AnyValue): unknown {
  try {
    return JSON.parse(value.toString());
  } catch (cause) {
    throw new TypeError(`the value of type ${typeUrl} is not JSON`, { cause });
  }
}

/** proto-loader renames every field to camelCase but Any's: `typeUrl` there would be dropped without an error. */
export function toWireAny({ typeUrl, value }: AnyValue): { type_url: string; value: Buffer } {
  return { type_url: typeUrl, value };
}

export function fromWireAny(any: { type_url: string; value: Buffer }): AnyValue {
  return { typeUrl: any.type_url, value: any.value };
}
