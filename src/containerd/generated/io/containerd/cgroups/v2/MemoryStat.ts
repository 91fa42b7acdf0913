// Original file: protos/cgroups_v2.proto

import type { Long } from '@grpc/proto-loader';

export interface MemoryStat {
  anon?: number | string | Long;
  file?: number | string | Long;
  inactiveFile?: number | string | Long;
  usage?: number | string | Long;
  usageLimit?: number | string | Long;
}

export interface MemoryStat__Output {
  anon: number;
  file: number;
  inactiveFile: number;
  usage: number;
  usageLimit: number;
}
