// Original file: protos/introspection.proto

/**
 * google.rpc.Status, of which the name is not sent.
 */
export interface Status {
  code?: number;
  message?: string;
}

/**
 * google.rpc.Status, of which the name is not sent.
 */
export interface Status__Output {
  code: number;
  message: string;
}
