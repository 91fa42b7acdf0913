import { ProviderError } from '../../provider/index.ts';

/** There is a call of this id. */
export class CallExistsError extends ProviderError {
  constructor(id: string) {
    super(409, `a call ${id} is known: send another X-Call-Id, or none`);
  }
}

/** The queue holds as much as it may. */
export class QueueFullError extends ProviderError {
  constructor() {
    super(429, 'the queue of asynchronous calls is full: try again later', { headers: { 'Retry-After': '10' } });
  }
}

/** A body is longer than it may be. */
export class BodyTooLargeError extends ProviderError {
  constructor(limitBytes: number) {
    super(413, `the body of an asynchronous call has at most ${limitBytes} bytes here (async_body_limit)`);
  }
}
