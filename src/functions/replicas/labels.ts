/** Labels on a replica's container record: all that says what it is, since its id is random. */
export const functionLabel = 'com.openfaas.berth.function';
export const generationLabel = 'com.openfaas.berth.generation';

/** Marks a lease as ours, so that a start after a crash can delete it. */
export const leaseLabel = 'com.openfaas.berth.lease';
