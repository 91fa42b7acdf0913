import { callLimitsOf, type CallLimits } from '../../../provider/index.ts';

/**
 * Returns what a replica's watchdog reads from its environment; no limits where the record's runtime spec cannot be read.
 * @param container its record, whose runtime spec has the environment whole
 */
export function declaredLimits(container: { readonly spec: object }): CallLimits {
  const entries = environmentOf(container).map((entry) => {
    const equals = entry.indexOf('=');
    return [entry.slice(0, equals), entry.slice(equals + 1)] as const;
  });
  return callLimitsOf(Object.fromEntries(entries));
}

function environmentOf(container: { readonly spec: object }): string[] {
  try {
    const made = container.spec as { process: { env?: string[] } };
    const { env = [] } = made.process;
    return env;
  } catch {
    return [];
  }
}
