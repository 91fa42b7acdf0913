import { status } from '@grpc/grpc-js';
import { monotonicMs } from '../base/monotonic.ts';

/** Where a call went: what an operator needs to know to find the fault. */
export interface CallSite {
  /** Service and method, such as `Tasks.Create`. */
  method: string;
  namespace?: string;
  /** The socket's path. */
  address: string;
}

/** A call of containerd has failed: a gRPC status of containerd, or of the way to it. Ask for the kind by predicate. */
export class ContainerdError extends Error {
  override name = 'ContainerdError';
  readonly method: string;
  readonly namespace?: string;
  readonly code: status;
  /** containerd's own words; they differ from version to version, so match `code` instead. */
  readonly details: string;

  constructor(site: CallSite, code: status, details: string, options: { cause?: unknown } = {}) {
    super(describe(site, code, details), options);
    this.method = site.method;
    if (site.namespace !== undefined) this.namespace = site.namespace;
    this.code = code;
    this.details = details;
  }
}

function describe({ method, namespace, address }: CallSite, code: status, details: string): string {
  const where = namespace === undefined ? method : `${method} in namespace ${namespace}`;
  if (code === status.UNAVAILABLE)
    return `containerd at ${address} is unavailable (is it running?): ${where}: ${details}`;
  if (isOutOfDiskText(details)) return `containerd's disk is full, make room there: ${where}: ${details}`;
  if (code === status.UNIMPLEMENTED) return `containerd at ${address} is too old for ${where}: ${details}`;
  return `containerd: ${where}: ${details}`;
}

/** containerd has no code for a full disk; these are the words of Go for the error numbers, in all of its versions. */
function isOutOfDiskText(details: string): boolean {
  return /no space left on device|disk quota exceeded/.test(details);
}

/** Says whether containerd could not write as one of its disks is full. */
export function isOutOfDisk(error: unknown): error is ContainerdError {
  return error instanceof ContainerdError && isOutOfDiskText(error.details);
}

export const isCancelled = whenCode(status.CANCELLED);
/** Says whether containerd has no code for what failed, such as a system call. */
export const isUnknown = whenCode(status.UNKNOWN);
export const isInvalidArgument = whenCode(status.INVALID_ARGUMENT);
export const isDeadlineExceeded = whenCode(status.DEADLINE_EXCEEDED);
/** Says whether a limit of containerd, of the message's size or of the disk was reached. */
export const isResourceExhausted = whenCode(status.RESOURCE_EXHAUSTED);
export const isNotFound = whenCode(status.NOT_FOUND);
export const isAlreadyExists = whenCode(status.ALREADY_EXISTS);
export const isFailedPrecondition = whenCode(status.FAILED_PRECONDITION);
export const isUnimplemented = whenCode(status.UNIMPLEMENTED);
/** Says whether containerd does not answer, or (content only) another writer holds the ref. */
export const isUnavailable = whenCode(status.UNAVAILABLE);

/** For `catch` on calls: returns the value when what was asked for is not there; other errors go on. */
export function notFoundAs<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (isNotFound(error)) return value;
    throw error;
  };
}

function whenCode(code: status) {
  return (error: unknown): error is ContainerdError => error instanceof ContainerdError && error.code === code;
}

/** What may end a call from our side. */
export interface Limits {
  signal?: AbortSignal;
  /** On the monotonic clock. */
  deadlineMs?: number;
}

/** Turns whatever a call failed with into a ContainerdError; the one place where this happens. */
export function toContainerdError(error: unknown, site: CallSite, { signal, deadlineMs }: Limits): ContainerdError {
  if (error instanceof ContainerdError) return error;
  if (signal?.aborted) return abortedError(site, signal);
  const { code, details } = readStatus(error);
  // The daemon keeps the deadline too. When its clock runs out first, 1.x answers UNKNOWN, and 2.x may cancel the call.
  const isVague = code === status.UNKNOWN || code === status.CANCELLED;
  const late = isVague && deadlineMs !== undefined && monotonicMs() + clockSlackMs >= deadlineMs;
  return new ContainerdError(site, late ? status.DEADLINE_EXCEEDED : code, details, { cause: error });
}

const clockSlackMs = 5;

/** Makes the error of the caller's own abort; a signal that timed out (`AbortSignal.timeout`) counts as a deadline. */
export function abortedError(site: CallSite, signal: AbortSignal): ContainerdError {
  const cause: unknown = signal.reason;
  const timedOut = cause instanceof DOMException && cause.name === 'TimeoutError';
  if (timedOut) return new ContainerdError(site, status.DEADLINE_EXCEEDED, 'timed out', { cause });
  return new ContainerdError(site, status.CANCELLED, 'cancelled by the caller', { cause });
}

function readStatus(error: unknown): { code: status; details: string } {
  if (!(error instanceof Error)) return { code: status.UNKNOWN, details: String(error) };
  const code = 'code' in error && typeof error.code === 'number' ? error.code : status.UNKNOWN;
  const details = 'details' in error && typeof error.details === 'string' ? error.details : error.message;
  return { code, details };
}
