/**
 * What a verb throws for the caller to read. Koa answers `status` and `message` by itself (https://koajs.com, error
 * handling); one plain line that says what is wrong and what to do.
 */
export class ProviderError extends Error {
  override name = 'ProviderError';
  readonly status: number;
  /** Koa shows the message to the caller only when true. */
  readonly expose = true;
  readonly headers?: Record<string, string>;

  constructor(status: number, message: string, options: { cause?: unknown; headers?: Record<string, string> } = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    if (options.headers) this.headers = options.headers;
  }
}

/** What the caller must mend in the request, and how. */
export class BadRequestError extends ProviderError {
  override name = 'BadRequestError';
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(400, message, options);
  }
}

export class FunctionNotFoundError extends ProviderError {
  override name = 'FunctionNotFoundError';
  constructor({ name, namespace }: { name: string; namespace: string }) {
    super(404, `function ${name}.${namespace} not found`);
  }
}

export class FunctionExistsError extends ProviderError {
  override name = 'FunctionExistsError';
  constructor({ name, namespace }: { name: string; namespace: string }) {
    super(409, `function ${name}.${namespace} already exists: update it with PUT, or remove it first`);
  }
}

export class SecretNotFoundError extends ProviderError {
  override name = 'SecretNotFoundError';
  constructor({ name, namespace }: { name: string; namespace: string }) {
    super(404, `secret ${name} not found in namespace ${namespace}`);
  }
}

export class SecretExistsError extends ProviderError {
  override name = 'SecretExistsError';
  constructor({ name, namespace }: { name: string; namespace: string }) {
    super(409, `secret ${name} already exists in namespace ${namespace}: update it with PUT`);
  }
}

/** The route names a namespace that is not there. */
export class NamespaceNotFoundError extends ProviderError {
  override name = 'NamespaceNotFoundError';
  constructor(namespace: string) {
    super(404, `namespace ${namespace} not found`);
  }
}

export class NamespaceExistsError extends ProviderError {
  override name = 'NamespaceExistsError';
  constructor(namespace: string) {
    super(409, `namespace ${namespace} already exists`);
  }
}

export class NotImplementedError extends ProviderError {
  override name = 'NotImplementedError';
  constructor(what: string) {
    super(501, `this provider does not implement ${what}`);
  }
}

/** Marks a reply as the platform's, not the function's; queue-workers always retry it. */
export const internalHeaders = { 'X-OpenFaaS-Internal': 'proxy' };

export class NoEndpointsError extends ProviderError {
  override name = 'NoEndpointsError';
  constructor({ name }: { name: string }, options: { cause?: unknown } = {}) {
    super(503, `No endpoints available for: ${name}.`, { ...options, headers: internalHeaders });
  }
}

export class TooManyRequestsError extends ProviderError {
  override name = 'TooManyRequestsError';
  constructor(message: string, retryAfterSeconds = 1) {
    super(429, message, { headers: { ...internalHeaders, 'Retry-After': String(retryAfterSeconds) } });
  }
}
