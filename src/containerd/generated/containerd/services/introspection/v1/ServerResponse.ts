// Original file: protos/introspection.proto

import type { Long } from '@grpc/proto-loader';

export interface ServerResponse {
  uuid?: string;
  /**
   * 1.7 and later; 0 before.
   */
  pid?: number | string | Long;
}

export interface ServerResponse__Output {
  uuid: string;
  /**
   * 1.7 and later; 0 before.
   */
  pid: number;
}
