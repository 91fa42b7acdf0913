// Original file: protos/task_events.proto

import type {
  Timestamp as _google_protobuf_Timestamp,
  Timestamp__Output as _google_protobuf_Timestamp__Output,
} from '../../google/protobuf/Timestamp.ts';

export interface TaskExit {
  containerId?: string;
  /**
   * The container's id when the init process ended, else the exec's id.
   */
  id?: string;
  pid?: number;
  exitStatus?: number;
  exitedAt?: _google_protobuf_Timestamp | null;
}

export interface TaskExit__Output {
  containerId: string;
  /**
   * The container's id when the init process ended, else the exec's id.
   */
  id: string;
  pid: number;
  exitStatus: number;
  exitedAt: _google_protobuf_Timestamp__Output | null;
}
