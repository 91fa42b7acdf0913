// Original file: protos/content.proto

import type { Long } from '@grpc/proto-loader';

export interface ReadContentRequest {
  digest?: string;
  offset?: number | string | Long;
  /**
   * 0 reads to the end.
   */
  size?: number | string | Long;
}

export interface ReadContentRequest__Output {
  digest: string;
  offset: number;
  /**
   * 0 reads to the end.
   */
  size: number;
}
