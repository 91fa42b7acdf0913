// Original file: protos/tasks.proto

import type {
  Timestamp as _google_protobuf_Timestamp,
  Timestamp__Output as _google_protobuf_Timestamp__Output,
} from '../../../../google/protobuf/Timestamp.ts';

export interface DeleteResponse {
  /**
   * Empty for the init process.
   */
  id?: string;
  pid?: number;
  exitStatus?: number;
  exitedAt?: _google_protobuf_Timestamp | null;
}

export interface DeleteResponse__Output {
  /**
   * Empty for the init process.
   */
  id: string;
  pid: number;
  exitStatus: number;
  exitedAt: _google_protobuf_Timestamp__Output | null;
}
