// Original file: protos/cgroups_v1.proto

import type {
  MemoryEntry as _io_containerd_cgroups_v1_MemoryEntry,
  MemoryEntry__Output as _io_containerd_cgroups_v1_MemoryEntry__Output,
} from '../../../../io/containerd/cgroups/v1/MemoryEntry.ts';
import type { Long } from '@grpc/proto-loader';

export interface MemoryStat {
  cache?: number | string | Long;
  rss?: number | string | Long;
  inactiveFile?: number | string | Long;
  hierarchicalMemoryLimit?: number | string | Long;
  totalInactiveFile?: number | string | Long;
  usage?: _io_containerd_cgroups_v1_MemoryEntry | null;
}

export interface MemoryStat__Output {
  cache: number;
  rss: number;
  inactiveFile: number;
  hierarchicalMemoryLimit: number;
  totalInactiveFile: number;
  usage: _io_containerd_cgroups_v1_MemoryEntry__Output | null;
}
