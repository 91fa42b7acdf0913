// Original file: protos/cgroups_v2.proto

import type { Long } from '@grpc/proto-loader';

export interface CPUStat {
  /**
   * Microseconds, as are the others but nr_*.
   */
  usageUsec?: number | string | Long;
  userUsec?: number | string | Long;
  systemUsec?: number | string | Long;
  nrPeriods?: number | string | Long;
  nrThrottled?: number | string | Long;
  throttledUsec?: number | string | Long;
}

export interface CPUStat__Output {
  /**
   * Microseconds, as are the others but nr_*.
   */
  usageUsec: number;
  userUsec: number;
  systemUsec: number;
  nrPeriods: number;
  nrThrottled: number;
  throttledUsec: number;
}
