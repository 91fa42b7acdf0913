import { ContainerdError, isUnavailable } from '../../containerd/index.ts';
import { describeError } from '../../base/log.ts';
import { BadRequestError, ProviderError } from '../../provider/index.ts';
import { RegistryError } from '../../registry/index.ts';

/** The new version's process ended before it was ready. */
export class ReplicaExitedError extends BadRequestError {
  override name = 'ReplicaExitedError';
}

/** What the layers below threw, as the caller of the API, who has the password, should read it. */
export function toProviderError(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (error instanceof RegistryError)
    return new ProviderError(registryStatus(error), describeError(error), { cause: error });
  if (error instanceof ContainerdError && isUnavailable(error)) {
    return new ProviderError(503, `containerd cannot be reached: is it running? ${error.message}`, { cause: error });
  }
  return new ProviderError(500, describeError(error), { cause: error });
}

/** 400 for what the caller can mend, 502 for the registry's own trouble. */
function registryStatus({ kind }: RegistryError): number {
  switch (kind) {
    case 'invalid-reference':
    case 'not-found':
    case 'denied':
    case 'platform':
    case 'not-an-image':
      return 400;
    case 'unreachable':
    case 'refused':
    case 'corrupt':
      return 502;
    case 'configuration':
      return 500;
  }
}
