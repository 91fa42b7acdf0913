// Original file: protos/cgroups_v1.proto

import type {
  PidsStat as _io_containerd_cgroups_v1_PidsStat,
  PidsStat__Output as _io_containerd_cgroups_v1_PidsStat__Output,
} from '../../../../io/containerd/cgroups/v1/PidsStat.ts';
import type {
  CPUStat as _io_containerd_cgroups_v1_CPUStat,
  CPUStat__Output as _io_containerd_cgroups_v1_CPUStat__Output,
} from '../../../../io/containerd/cgroups/v1/CPUStat.ts';
import type {
  MemoryStat as _io_containerd_cgroups_v1_MemoryStat,
  MemoryStat__Output as _io_containerd_cgroups_v1_MemoryStat__Output,
} from '../../../../io/containerd/cgroups/v1/MemoryStat.ts';
import type {
  MemoryOomControl as _io_containerd_cgroups_v1_MemoryOomControl,
  MemoryOomControl__Output as _io_containerd_cgroups_v1_MemoryOomControl__Output,
} from '../../../../io/containerd/cgroups/v1/MemoryOomControl.ts';

export interface Metrics {
  pids?: _io_containerd_cgroups_v1_PidsStat | null;
  cpu?: _io_containerd_cgroups_v1_CPUStat | null;
  memory?: _io_containerd_cgroups_v1_MemoryStat | null;
  memoryOomControl?: _io_containerd_cgroups_v1_MemoryOomControl | null;
}

export interface Metrics__Output {
  pids: _io_containerd_cgroups_v1_PidsStat__Output | null;
  cpu: _io_containerd_cgroups_v1_CPUStat__Output | null;
  memory: _io_containerd_cgroups_v1_MemoryStat__Output | null;
  memoryOomControl: _io_containerd_cgroups_v1_MemoryOomControl__Output | null;
}
