import { quote } from '../base/quote.ts';
import { BadRequestError } from './provider-errors.ts';

/** A DNS-1123 label, as Kubernetes names services and namespaces: https://www.rfc-editor.org/rfc/rfc1123#section-2.1 */
const labelPattern = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Also what a file may safely be called: no slash, no `..`, no dot at either end. */
const secretNamePattern = /^[A-Za-z0-9]([-\w.]{0,251}[A-Za-z0-9])?$/;

/** How functions and namespaces are named. */
export function isLabel(name: string): boolean {
  return labelPattern.test(name);
}

/** Throws BadRequestError unless the name is a DNS-1123 label; `field` says which name. */
export function checkLabel(name: string, field: string): string {
  if (isLabel(name)) return name;
  throw new BadRequestError(
    `${field} ${quote(name)} is not a valid name: use 1 to 63 lower-case letters, digits and dashes, beginning and ending with a letter or digit`,
  );
}

/** Throws BadRequestError unless the name is safe as a file's name. */
export function checkSecretName(name: string, field = 'secret'): string {
  if (secretNamePattern.test(name) && !name.includes('..')) return name;
  throw new BadRequestError(
    `${field} ${quote(name)} is not a valid name: use 1 to 253 letters, digits, dashes, underscores and single dots, beginning and ending with a letter or digit`,
  );
}
