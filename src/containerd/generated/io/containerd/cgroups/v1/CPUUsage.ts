// Original file: protos/cgroups_v1.proto

import type { Long } from '@grpc/proto-loader';

export interface CPUUsage {
  /**
   * Nanoseconds, as are kernel and user.
   */
  total?: number | string | Long;
  kernel?: number | string | Long;
  user?: number | string | Long;
}

export interface CPUUsage__Output {
  /**
   * Nanoseconds, as are kernel and user.
   */
  total: number;
  kernel: number;
  user: number;
}
