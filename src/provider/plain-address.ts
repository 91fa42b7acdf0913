/** Writes an address as people do: an IPv4 one without the IPv6 prefix that a socket for both has before it. */
export function plainAddress(address = ''): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
