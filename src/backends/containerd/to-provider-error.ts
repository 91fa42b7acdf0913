import {
  isCancelled,
  isDeadlineExceeded,
  isInvalidArgument,
  isOutOfDisk,
  isResourceExhausted,
  isUnavailable,
} from '../../containerd/index.ts';
import { DiskFullError, isDiskFull } from '../../base/disk-full.ts';
import { describeError } from '../../base/log.ts';
import { ProviderError } from '../../provider/index.ts';
import { RegistryError, type RegistryErrorKind } from '../../registry/index.ts';
import { SecretError } from '../../secrets/index.ts';
import { StartError, type StartErrorKind } from './start-error.ts';

/** Who has to mend what: the caller of the API, who has room to make, the registry, containerd, or nobody knows. */
export type FaultOwner = 'caller' | 'disk' | 'registry' | 'containerd' | 'unknown';

const statuses: Record<FaultOwner, number> = { caller: 400, disk: 507, registry: 502, containerd: 503, unknown: 500 };

const startStatuses: Record<StartErrorKind, number> = {
  invalid: 400,
  exited: 400,
  failed: 400,
  'not-ready': 400,
  removed: 404,
  superseded: 409,
};

const registryFaults: Record<RegistryErrorKind, FaultOwner> = {
  'invalid-reference': 'caller',
  'not-found': 'caller',
  denied: 'caller',
  platform: 'caller',
  'not-an-image': 'caller',
  unreachable: 'registry',
  refused: 'registry',
  corrupt: 'registry',
  configuration: 'unknown',
};

/** Says who has to mend an error of the layers below. */
export function faultOwner(error: unknown): FaultOwner {
  if (error instanceof StartError || error instanceof SecretError) return 'caller';
  if (error instanceof ProviderError) return error.status < 500 ? 'caller' : 'unknown';
  if (error instanceof RegistryError) return registryFaults[error.kind];
  if (isDiskFull(error) || isOutOfDisk(error)) return 'disk';
  if (isInvalidArgument(error)) return 'caller';
  const isBusy = isUnavailable(error) || isDeadlineExceeded(error) || isResourceExhausted(error);
  return isBusy ? 'containerd' : 'unknown';
}

/** Makes what the layers below threw into what the caller of the API, who has the password, should read. */
export function toProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof StartError) return new ProviderError(startStatuses[error.kind], error.message, { cause: error });
  if (isOutOfDisk(error)) return toProviderError(new DiskFullError('containerd', { cause: error }));
  if (error instanceof DiskFullError) return new ProviderError(507, error.message, { cause: error });
  if (isDeadlineExceeded(error))
    return new ProviderError(504, `containerd did not answer in time: try again, ${error.message}`, { cause: error });
  // By us alone, as the connection is closed while a request is under way.
  if (isCancelled(error))
    return new ProviderError(503, 'berth is being restarted: try again', {
      cause: error,
      headers: { 'Retry-After': '1' },
    });
  return new ProviderError(statuses[faultOwner(error)], describeError(error), { cause: error });
}
