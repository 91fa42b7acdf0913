import { quote } from '../base/quote.ts';
import { BadRequestError } from './provider-errors.ts';

const powersOfTen: Record<string, number> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const powersOf1024: Record<string, number> = { Ki: 1, Mi: 2, Gi: 3, Ti: 4, Pi: 5, Ei: 6 };

/** Two digits of exponent reach further than any memory, and keep the arithmetic small. */
const quantityPattern = /^\+?(?=\.?\d)(\d{0,30})\.?(\d{0,30})(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([-+]?\d{1,2}))$/;

/**
 * Reads a Kubernetes quantity such as `64Mi`, `1.5Gi` or `128M` as bytes, rounded up.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 * @param field what the message calls the quantity
 * @throws BadRequestError when it is none
 */
export function parseMemory(quantity: string, field = 'memory'): number {
  const bytes = toBytes(quantity);
  if (bytes === undefined)
    throw new BadRequestError(`${field} ${quote(quantity)} is not an amount of memory: write 64Mi or 1Gi`);
  return bytes;
}

/** Reads a Kubernetes quantity such as `2Gi` as bytes, rounded up; undefined when it is none. */
export function toBytes(quantity: string): number | undefined {
  return scaleQuantity(quantity, 0);
}

/**
 * Reads a Kubernetes quantity such as `100m`, `0.5` or `2` as millicores, rounded up.
 * @param field what the message calls the quantity
 * @throws BadRequestError when it is none
 */
export function parseCpu(quantity: string, field = 'cpu'): number {
  const millicores = scaleQuantity(quantity, 3);
  if (millicores === undefined)
    throw new BadRequestError(`${field} ${quote(quantity)} is not an amount of cpu: write 100m or 0.5`);
  return millicores;
}

/** Returns the quantity times 10^power as a whole number, rounded up; undefined when it is none or cannot be held. */
function scaleQuantity(quantity: string, power: number): number | undefined {
  const match = quantityPattern.exec(quantity);
  if (!match) return undefined;
  const [, whole = '', fraction = '', binary, decimal = '', exponent] = match;
  // Whole numbers all the way: 0.29 * 1000 is not 290 in floating point.
  const tens = power - fraction.length + (exponent === undefined ? (powersOfTen[decimal] ?? 0) : Number(exponent));
  const digits = BigInt(whole + fraction) * 1024n ** BigInt(powersOf1024[binary ?? ''] ?? 0);
  const divisor = 10n ** BigInt(Math.max(0, -tens));
  const scaled = Number((digits * 10n ** BigInt(Math.max(0, tens)) + divisor - 1n) / divisor);
  return Number.isSafeInteger(scaled) ? scaled : undefined;
}
