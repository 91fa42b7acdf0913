/** The host's network could not be brought into the wanted state; the message says what to do. */
export class NetworkError extends Error {
  override name = 'NetworkError';
}

/** Every address of the subnet has an owner. */
export class AddressesInUseError extends NetworkError {}
