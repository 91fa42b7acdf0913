import { parseFullName } from '../full-name.ts';
import type { FunctionName } from '../types.ts';

/** The parts of a call's URL: `/function/env.dev/a?b` has name `env`, namespace `dev` and path `/a?b`. */
export interface FunctionUrl extends FunctionName {
  /** What the function sees: starts with `/`, and has the bytes that the caller sent. */
  path: string;
}

export interface SplitOptions {
  defaultNamespace: string;
  /** Where the name begins; `/function/` unless given. */
  prefix?: string;
}

/** Splits a raw request URL; undefined when it does not begin with `prefix` and a valid function name. */
export function splitFunctionUrl(url: string, options: SplitOptions): FunctionUrl | undefined {
  const { defaultNamespace, prefix = '/function/' } = options;
  if (!url.startsWith(prefix)) return undefined;

  const rest = url.slice(prefix.length);
  const end = rest.search(/[/?]/);
  const path = end === -1 ? '' : rest.slice(end);
  const fn = parseFullName(end === -1 ? rest : rest.slice(0, end), defaultNamespace);
  return fn && { ...fn, path: path.startsWith('/') ? path : `/${path}` };
}
