import { isIPv4 } from 'node:net';
import { NetworkError } from './network-error.ts';

/** An IPv4 network. */
export interface Subnet {
  /** The network in CIDR notation, its host bits zero. */
  cidr: string;
  /** Of the prefix. */
  length: number;
  /** The first address, which the bridge has. */
  gateway: string;
  /** How many addresses functions have: all but the network's, the gateway's and the broadcast address. */
  capacity: number;
}

/**
 * Parses CIDR notation, such as `10.62.0.0/16`.
 * @throws NetworkError when it is no IPv4 network with room for a function
 */
export function parseSubnet(text: string): Subnet {
  const [address = '', length = ''] = text.split('/');
  const prefixLength = Number(length);
  if (!isIPv4(address) || !/^\d+$/.test(length) || prefixLength < 8 || prefixLength > 30) {
    throw new NetworkError(
      `subnet ${JSON.stringify(text)} must be an IPv4 network such as 10.62.0.0/16, from /8 to /30`,
    );
  }
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor(toNumber(address) / size) * size;
  return {
    cidr: `${toAddress(first)}/${prefixLength}`,
    length: prefixLength,
    gateway: toAddress(first + 1),
    capacity: size - 3,
  };
}

/** Whether two networks, in CIDR notation or one address each, have an address in common. */
export function overlap(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => {
    const [address = '', length = '32'] = text.split('/');
    const size = 2 ** (32 - Number(length));
    const start = Math.floor(toNumber(address) / size) * size;
    return { start, end: start + size };
  });
  return first !== undefined && second !== undefined && first.start < second.end && second.start < first.end;
}

function toNumber(address: string): number {
  return address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0);
}

function toAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
