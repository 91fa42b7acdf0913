/** A call of a function as a person has put it together. */
export interface InvokeRequest {
  method: string;
  /** Path and query behind the function's name, with its first slash. */
  path: string;
  headers: [name: string, value: string][];
  /** Text that is sent; a file's is not here but in `file`. */
  body?: string;
  /** Name of the file that is sent. */
  file?: string;
  isAsync: boolean;
}

/** Whether a call by this method may have a body in a browser. */
export function hasBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Returns the path with a slash before it, and encoded where a URL cannot have it as it is. */
export function pathOf(text: string): string {
  const path = text.startsWith('/') ? text : `/${text}`;
  return encodeURI(path.trim()).replaceAll('%25', '%').replaceAll('#', '%23');
}

/**
 * Reads headers, one a line.
 * @throws Error when a line is none, naming it
 */
export function headersIn(text: string): [string, string][] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const [, name, value] = /^\s*([\w!#$%&'*+.^`|~-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined || value === undefined || !/^[\t\u0020-\u007e\u0080-\u00ff]*$/.test(value))
      throw new Error(`“${line.trim()}” is no header: write NAME: VALUE, without letters beyond Latin-1`);
    return [name, value];
  });
}

/** Returns the address of a call, behind that of berth. */
export function callPath(fn: { name: string; namespace: string }, { isAsync, path }: InvokeRequest): string {
  return `/${isAsync ? 'async-function' : 'function'}/${fn.name}.${fn.namespace}${path === '/' ? '' : path}`;
}
