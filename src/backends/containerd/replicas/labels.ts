/** Labels on a replica's container record: all that says what it is, since its id is random. */
export const functionLabel = 'com.openfaas.berth.function';
export const generationLabel = 'com.openfaas.berth.generation';

/** Marks a lease as ours and says what for, so that one that a crash left can be deleted. */
export const leaseLabel = 'com.openfaas.berth.lease';

/** Returns the id of the lease under which a replica is made. */
export function leaseOf(replica: string): string {
  return `berth-${replica}`;
}
