import { DiskFullError, isDiskFull, isFull } from '../../../base/disk-full.ts';
import { CniError } from '../../../cni/index.ts';
import { AddressesInUseError } from './network-error.ts';
import { reservations } from './reservations.ts';
import type { Subnet } from './subnet.ts';

/** Returns the reason why a replica could not be attached, where the error of the plugins hides it. */
export async function explainedAttachError(
  error: unknown,
  { cacheDir, ipamDir, subnet }: { cacheDir: string; ipamDir: string; subnet: Subnet },
): Promise<unknown> {
  if (isDiskFull(error) || (await isFull(cacheDir).catch(() => false)))
    return new DiskFullError('run_dir', { cause: error });
  if (!(error instanceof CniError)) return error;
  const { cidr, capacity } = subnet;
  if ((await reservations(ipamDir)).size < capacity) return error;
  const message = `all ${capacity} addresses of ${cidr} are in use: remove functions, or set a larger subnet`;
  return new AddressesInUseError(message, { cause: error });
}
