// Original file: protos/diff.proto

import type {
  Descriptor as _containerd_types_Descriptor,
  Descriptor__Output as _containerd_types_Descriptor__Output,
} from '../../../../containerd/types/Descriptor.ts';
import type {
  Mount as _containerd_types_Mount,
  Mount__Output as _containerd_types_Mount__Output,
} from '../../../../containerd/types/Mount.ts';

export interface ApplyRequest {
  diff?: _containerd_types_Descriptor | null;
  mounts?: _containerd_types_Mount[];
  /**
   * 1.7 and later; ignored before.
   */
  syncFs?: boolean;
}

export interface ApplyRequest__Output {
  diff: _containerd_types_Descriptor__Output | null;
  mounts: _containerd_types_Mount__Output[];
  /**
   * 1.7 and later; ignored before.
   */
  syncFs: boolean;
}
