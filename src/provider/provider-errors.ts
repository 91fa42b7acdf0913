import type { FunctionName } from './types.ts';

/** An error for the caller to read: answered with its status, its message as one line says what is wrong and what to do. */
export class ProviderError extends Error {
  readonly status: number;
  /** Koa shows the message to the caller only when true. */
  readonly expose = true;
  readonly headers?: Record<string, string>;

  constructor(status: number, message: string, options: { cause?: unknown; headers?: Record<string, string> } = {}) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.status = status;
    if (options.headers) this.headers = options.headers;
  }
}

/** 400: the caller must mend the request; the message says what, and how. */
export class BadRequestError extends ProviderError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(400, message, options);
  }
}

/** 404: there is no such function; 503 where it was called. */
export class FunctionNotFoundError extends ProviderError {
  constructor({ name, namespace }: FunctionName) {
    super(404, `function ${name}.${namespace} not found`);
  }
}

/** 409: there is such a function already. */
export class FunctionExistsError extends ProviderError {
  constructor({ name, namespace }: FunctionName) {
    super(409, `function ${name}.${namespace} already exists: update it with PUT, or remove it first`);
  }
}

/** 404: there is no such secret in the namespace. */
export class SecretNotFoundError extends ProviderError {
  constructor({ name, namespace }: FunctionName) {
    super(404, `secret ${name} not found in namespace ${namespace}`);
  }
}

/** 409: there is such a secret in the namespace already. */
export class SecretExistsError extends ProviderError {
  constructor({ name, namespace }: FunctionName) {
    super(409, `secret ${name} already exists in namespace ${namespace}: update it with PUT`);
  }
}

/** 404: there is no such namespace; 400 where it was asked of a deployment. */
export class NamespaceNotFoundError extends ProviderError {
  constructor(namespace: string) {
    super(404, `namespace ${namespace} not found`);
  }
}

/** 409: there is such a namespace already. */
export class NamespaceExistsError extends ProviderError {
  constructor(namespace: string) {
    super(409, `namespace ${namespace} already exists`);
  }
}

/** 501: the provider has no such verb. */
export class NotImplementedError extends ProviderError {
  constructor(what: string) {
    super(501, `this provider does not implement ${what}`);
  }
}

/** Marks a reply as the platform's, not the function's; queue-workers always retry it. */
export const internalHeaders = { 'X-OpenFaaS-Internal': 'proxy' };

/** 503: no replica of the function takes calls now. */
export class NoEndpointsError extends ProviderError {
  constructor({ name }: { name: string }, options: { cause?: unknown; reason?: string; retryAfterMs?: number } = {}) {
    const { cause, reason, retryAfterMs } = options;
    const seconds = retryAfterMs !== undefined && Math.max(1, Math.ceil(retryAfterMs / 1000));
    super(503, `No endpoints available for: ${name}${reason ? `, ${reason}` : ''}.`, {
      cause,
      headers: { ...internalHeaders, ...(seconds && { 'Retry-After': String(seconds) }) },
    });
  }
}

/** 503: the last start of the function failed, and the next one is yet to come; the answer says when to try again. */
export class StartFailedError extends NoEndpointsError {}

/** 429: the function has as many calls as it takes; the answer says when to try again. */
export class TooManyRequestsError extends ProviderError {
  constructor(message: string, retryAfterSeconds = 1) {
    super(429, message, { headers: { ...internalHeaders, 'Retry-After': String(retryAfterSeconds) } });
  }
}
