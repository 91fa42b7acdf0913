/** A name that cannot be part of a path. */
export class LogError extends Error {
  override name = 'LogError';
}

const safe = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/**
 * Answers a name that can only name something in its own folder.
 * @throws LogError when it could name something else
 */
export function pathSegment(name: string): string {
  if (safe.test(name)) return name;
  const quoted = JSON.stringify(name.slice(0, 64));
  throw new LogError(`no logs for ${quoted}: not a name of a function, namespace or replica`);
}
