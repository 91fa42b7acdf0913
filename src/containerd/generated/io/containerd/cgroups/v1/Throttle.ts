// Original file: protos/cgroups_v1.proto

import type { Long } from '@grpc/proto-loader';

export interface Throttle {
  periods?: number | string | Long;
  throttledPeriods?: number | string | Long;
  /**
   * Nanoseconds.
   */
  throttledTime?: number | string | Long;
}

export interface Throttle__Output {
  periods: number;
  throttledPeriods: number;
  /**
   * Nanoseconds.
   */
  throttledTime: number;
}
