// Original file: protos/cgroups_v2.proto

import type {
  PidsStat as _io_containerd_cgroups_v2_PidsStat,
  PidsStat__Output as _io_containerd_cgroups_v2_PidsStat__Output,
} from '../../../../io/containerd/cgroups/v2/PidsStat.ts';
import type {
  CPUStat as _io_containerd_cgroups_v2_CPUStat,
  CPUStat__Output as _io_containerd_cgroups_v2_CPUStat__Output,
} from '../../../../io/containerd/cgroups/v2/CPUStat.ts';
import type {
  MemoryStat as _io_containerd_cgroups_v2_MemoryStat,
  MemoryStat__Output as _io_containerd_cgroups_v2_MemoryStat__Output,
} from '../../../../io/containerd/cgroups/v2/MemoryStat.ts';
import type {
  MemoryEvents as _io_containerd_cgroups_v2_MemoryEvents,
  MemoryEvents__Output as _io_containerd_cgroups_v2_MemoryEvents__Output,
} from '../../../../io/containerd/cgroups/v2/MemoryEvents.ts';

export interface Metrics {
  pids?: _io_containerd_cgroups_v2_PidsStat | null;
  cpu?: _io_containerd_cgroups_v2_CPUStat | null;
  memory?: _io_containerd_cgroups_v2_MemoryStat | null;
  memoryEvents?: _io_containerd_cgroups_v2_MemoryEvents | null;
}

export interface Metrics__Output {
  pids: _io_containerd_cgroups_v2_PidsStat__Output | null;
  cpu: _io_containerd_cgroups_v2_CPUStat__Output | null;
  memory: _io_containerd_cgroups_v2_MemoryStat__Output | null;
  memoryEvents: _io_containerd_cgroups_v2_MemoryEvents__Output | null;
}
