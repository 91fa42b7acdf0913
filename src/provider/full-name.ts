import type { FunctionName } from './index.ts';

/** As metrics and logs name a function: NAME.NAMESPACE. */
export function fullName({ name, namespace }: FunctionName): string {
  return `${name}.${namespace}`;
}
