import { isLabel } from './names.ts';
import type { FunctionName } from './types.ts';

/** NAME.NAMESPACE, which names a function in paths, metrics and logs, and as a key. */
export type FullName = `${string}.${string}`;

export function fullName({ name, namespace }: FunctionName): FullName {
  return `${name}.${namespace}`;
}

/** Reads NAME or NAME.NAMESPACE; undefined when either part is no DNS-1123 label. */
export function parseFullName(text: string, defaultNamespace: string): FunctionName | undefined {
  const dot = text.lastIndexOf('.');
  const name = dot === -1 ? text : text.slice(0, dot);
  const namespace = dot === -1 ? defaultNamespace : text.slice(dot + 1);
  return isLabel(name) && isLabel(namespace) ? { name, namespace } : undefined;
}
