import { SecretError } from './secret-error.ts';

/** Matches a part of a path that can only name something in its own folder, and never one of our temporary files. */
const safe = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,252}$/;

/**
 * Refuses a name that cannot be part of a path.
 * @throws SecretError of kind `invalid-name`
 */
export function checkName(what: 'secret' | 'namespace' | 'replica', name: string): void {
  if (safe.test(name) && !name.includes('..')) return;
  const shown = JSON.stringify(name.slice(0, 64));
  throw new SecretError(
    'invalid-name',
    `invalid ${what} name ${shown}: use letters, digits, "-" and single dots inside, 253 characters at most`,
  );
}
