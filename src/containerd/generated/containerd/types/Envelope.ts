// Original file: protos/types.proto

import type {
  Timestamp as _google_protobuf_Timestamp,
  Timestamp__Output as _google_protobuf_Timestamp__Output,
} from '../../google/protobuf/Timestamp.ts';
import type {
  Any as _google_protobuf_Any,
  Any__Output as _google_protobuf_Any__Output,
} from '../../google/protobuf/Any.ts';

/**
 * Was in containerd.services.events.v1 before 2.0, with the same fields.
 */
export interface Envelope {
  timestamp?: _google_protobuf_Timestamp | null;
  namespace?: string;
  topic?: string;
  event?: _google_protobuf_Any | null;
}

/**
 * Was in containerd.services.events.v1 before 2.0, with the same fields.
 */
export interface Envelope__Output {
  timestamp: _google_protobuf_Timestamp__Output | null;
  namespace: string;
  topic: string;
  event: _google_protobuf_Any__Output | null;
}
