// Original file: protos/cgroups_v1.proto

import type { Long } from '@grpc/proto-loader';

export interface MemoryOomControl {
  oomKillDisable?: number | string | Long;
  underOom?: number | string | Long;
  oomKill?: number | string | Long;
}

export interface MemoryOomControl__Output {
  oomKillDisable: number;
  underOom: number;
  oomKill: number;
}
