import { isIPv6 } from 'node:net';
import { monotonicMs } from '../base/monotonic.ts';

/** Wrong passwords that an address may send in a row, and how long it takes until it may send one more. */
const inARow = 20;
const oneMoreMs = 3000;

/** Those that guessed last are remembered. */
const mostAddresses = 1000;

/** Bounds how fast an address may guess passwords; others notice nothing of it. */
export class GuessLimit {
  /** When the last guess of an address will have been made up for. */
  readonly #untilMs = new Map<string, number>();

  /** Answers how long it takes until a password from this address is looked at; 0: at once. */
  waitMs(address: string): number {
    const untilMs = this.#untilMs.get(networkOf(address)) ?? 0;
    return Math.max(0, untilMs - monotonicMs() - (inARow - 1) * oneMoreMs);
  }

  /** Takes note of a wrong password. */
  guessed(address: string): void {
    const network = networkOf(address);
    const untilMs = Math.max(this.#untilMs.get(network) ?? 0, monotonicMs()) + oneMoreMs;
    this.#untilMs.delete(network);
    this.#untilMs.set(network, untilMs);
    const [oldest = ''] = this.#untilMs.keys();
    if (this.#untilMs.size > mostAddresses) this.#untilMs.delete(oldest);
  }
}

/** Whoever has an IPv6 address has the 2^64 beside it as well. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  return (tail === undefined ? groups : [...groups, '0', '0', '0', '0']).slice(0, 4).join(':');
}
