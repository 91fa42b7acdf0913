/** A value with the name of its type; opaque to containerd. */
export interface AnyValue {
  /** Without a `type.googleapis.com/` prefix: containerd 1.6 compares the whole string. */
  typeUrl: string;
  value: Buffer;
}

/** Names the type of a container's OCI runtime specification. */
export const specTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';

/** Names the type of the process of that specification, which an exec is given. */
export const processTypeUrl = 'types.containerd.io/opencontainers/runtime-spec/1/Process';

/** Encodes an OCI document, or any other value, as JSON. */
export function jsonAny(typeUrl: string, value: unknown): AnyValue {
  return { typeUrl, value: Buffer.from(JSON.stringify(value)) };
}

/**
 * Decodes a value whose encoding is JSON, as that of OCI documents is.
 * @throws TypeError when it is not JSON
 */
export function parseJsonAny({ typeUrl, value }: AnyValue): unknown {
  try {
    return JSON.parse(value.toString());
  } catch (cause) {
    throw new TypeError(`the value of type ${typeUrl} is not JSON`, { cause });
  }
}

/** Gives the value the form of a message. proto-loader renames all fields but Any's and would drop `typeUrl`. */
export function toWireAny({ typeUrl, value }: AnyValue): { type_url: string; value: Buffer } {
  return { type_url: typeUrl, value };
}

/** Reads a value out of a message. */
export function fromWireAny(any: { type_url: string; value: Buffer }): AnyValue {
  return { typeUrl: any.type_url, value: any.value };
}
