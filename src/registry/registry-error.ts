/**
 * What went wrong with an image:
 *
 * - `invalid-reference`: the text is no image reference.
 * - `not-found`: the registry has no such repository, tag or blob.
 * - `denied`: the registry wants other credentials.
 * - `unreachable`: no answer, or the answer "not now" (408, 429, 5xx): another try may work.
 * - `refused`: any other answer that the protocol does not foresee.
 * - `platform`: the image has nothing for this host.
 * - `not-an-image`: what is there cannot be run as a container image.
 * - `corrupt`: bytes do not match their digest or size.
 * - `configuration`: this host's own hosts.toml or docker config.json is wrong.
 */
export type RegistryErrorKind =
  | 'invalid-reference'
  | 'not-found'
  | 'denied'
  | 'unreachable'
  | 'refused'
  | 'platform'
  | 'not-an-image'
  | 'corrupt'
  | 'configuration';

export interface RegistryErrorOptions {
  registry?: string;
  repository?: string;
  /** The HTTP status that the registry answered, where it answered one. */
  status?: number;
  cause?: unknown;
}

/** An image could not be read from its registry; the message never holds a password or a token. */
export class RegistryError extends Error {
  override name = 'RegistryError';
  readonly kind: RegistryErrorKind;
  readonly registry?: string;
  readonly repository?: string;
  readonly status?: number;

  constructor(kind: RegistryErrorKind, message: string, options: RegistryErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.kind = kind;
    if (options.registry !== undefined) this.registry = options.registry;
    if (options.repository !== undefined) this.repository = options.repository;
    if (options.status !== undefined) this.status = options.status;
  }
}
