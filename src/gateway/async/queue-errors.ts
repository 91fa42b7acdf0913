import { ProviderError } from '../../provider/index.ts';

/** There is a call of this id. */
export class CallExistsError extends ProviderError {
  constructor(id: string) {
    super(409, `a call ${id} is known: send another X-Call-Id, or none`);
  }
}

/** The queue holds as much as it may. */
export class QueueFullError extends ProviderError {
  constructor(options: { cause?: unknown } = {}) {
    super(429, 'the queue of asynchronous calls is full: try again later', {
      ...options,
      headers: { 'Retry-After': '10' },
    });
  }
}

/** A body is longer than it may be. */
export class BodyTooLargeError extends ProviderError {
  constructor(limitBytes: number) {
    super(413, `the body of an asynchronous call has at most ${limitBytes} bytes here (async_body_limit)`);
  }
}

/** The embedded queue could not write or read: what was asked for has not happened. */
export class StoreError extends ProviderError {
  /** @param fault what the log is to say; the caller, who may have no password, is told less */
  constructor(fault: { message: string; isFull: boolean }) {
    const told = fault.isFull
      ? 'the disk of data_dir is full: make room there and try again'
      : 'the queue of asynchronous calls does not work: see the log of berth, and try again';
    super(fault.isFull ? 507 : 503, told, { cause: new Error(fault.message), headers: { 'Retry-After': '10' } });
  }
}

/** The server of the queue did not answer: whether the call was queued is open. */
export class QueueUnreachableError extends ProviderError {
  constructor(options: { cause?: unknown } = {}) {
    const headers = { 'Retry-After': '10' };
    super(503, 'the queue of asynchronous calls does not answer: try again later', { ...options, headers });
  }
}
