export type SecretErrorKind = 'exists' | 'not-found' | 'invalid-name';

/** A secret could not be read or changed; the message never holds a value. */
export class SecretError extends Error {
  override name = 'SecretError';
  readonly kind: SecretErrorKind;

  constructor(kind: SecretErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}
