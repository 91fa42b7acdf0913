import { fullName, type FunctionName } from '../../provider/index.ts';

/**
 * - `invalid`: the deployment or its image asks for what cannot be run; the deployer mends it.
 * - `exited`: the version's process ended before it was ready.
 * - `not-ready`: the version ran and was not ready in time.
 * - `superseded`: a newer update took the version's place.
 * - `removed`: the function was removed before the version was ready.
 * - `failed`: something went wrong at the start that the deployer cannot have caused for sure; `cause` says what.
 */
export type StartErrorKind = 'invalid' | 'exited' | 'not-ready' | 'superseded' | 'removed' | 'failed';

/** Why a version of a function could not be brought up; the message says what is wrong and what to do. */
export class StartError extends Error {
  override name = 'StartError';
  readonly kind: StartErrorKind;

  constructor(kind: StartErrorKind, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.kind = kind;
  }
}

/** What the caller of an update is told whose version was replaced before it was ready. */
export function superseded(fn: FunctionName): StartError {
  return new StartError('superseded', `a newer update of ${fullName(fn)} has taken its place`);
}
