/** A name that cannot be part of a path. */
export class LogError extends Error {
  override name = 'LogError';
}

const safe = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** Whether a name can only name something in its own folder. */
export function isPathSegment(name: string): boolean {
  return safe.test(name);
}

/**
 * Answers a name that can only name something in its own folder.
 * @throws LogError when it could name something else
 */
export function pathSegment(name: string): string {
  if (isPathSegment(name)) return name;
  const quoted = JSON.stringify(name.slice(0, 64));
  throw new LogError(`no logs for ${quoted}: not a name of a function, namespace or replica`);
}
