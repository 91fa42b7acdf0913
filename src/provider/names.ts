import { quote } from '../base/quote.ts';
import { BadRequestError } from './provider-errors.ts';

/** A DNS-1123 label, as Kubernetes names services and namespaces: https://www.rfc-editor.org/rfc/rfc1123#section-2.1 */
const labelPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Also what a file may safely be called: no slash, no `..`, no dot at either end. */
const secretNamePattern = /^[A-Za-z0-9]([-\w.]{0,251}[A-Za-z0-9])?$/;

/** Says whether a function or namespace may have this name. */
export function isLabel(name: string): boolean {
  return labelPattern.test(name);
}

/**
 * Returns a function's or namespace's name unchanged.
 * @param field what the message calls the name
 * @throws BadRequestError when it is no DNS-1123 label
 */
export function checkLabel(name: string, field: string): string {
  if (isLabel(name)) return name;
  throw new BadRequestError(
    `${field} ${quote(name)} is not a valid name: use 1 to 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit`,
  );
}

/**
 * Returns a secret's name unchanged.
 * @param field what the message calls the name
 * @throws BadRequestError when it is not safe as a file's name
 */
export function checkSecretName(name: string, field = 'secret'): string {
  if (secretNamePattern.test(name) && !name.includes('..')) return name;
  throw new BadRequestError(
    `${field} ${quote(name)} is not a valid name: use 1 to 253 letters, digits, dashes, underscores and single dots, beginning and ending with a letter or digit`,
  );
}
