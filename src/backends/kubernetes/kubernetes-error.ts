import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import { describeError } from '../../base/log.ts';
import { BadRequestError, ProviderError } from '../../provider/index.ts';

const statusSchema = z.object({ message: z.string().optional(), reason: z.string().optional() });

/** The API server's answer that is none of what was asked for, or that it could not be asked. */
export class KubernetesError extends Error {
  override name = 'KubernetesError';
  /** What was asked, such as `create Deployment`. */
  readonly request: string;
  /** HTTP status; 0 where there was no answer. */
  readonly code: number;
  /** Kubernetes' word for it, such as `AlreadyExists`. */
  readonly reason: string;

  constructor(request: string, code: number, { reason = '', message = '' }, options: { cause?: unknown } = {}) {
    super(`${request}: ${message || (code > 0 ? `HTTP ${code}` : 'no answer')}`, options);
    this.request = request;
    this.code = code;
    this.reason = reason;
  }

  /** Makes one of whatever the client throws. */
  static of(request: string, error: unknown): KubernetesError {
    if (error instanceof KubernetesError) return error;
    const { code, statusCode, body } = (error ?? {}) as { code?: unknown; statusCode?: unknown; body?: unknown };
    const status = [code, statusCode].find((each) => typeof each === 'number') ?? 0;
    const parsed = statusSchema.safeParse(typeof body === 'string' ? parseJson(body) : body);
    const told = parsed.success ? parsed.data : {};
    // The client's own message has the answer's headers in it.
    const message = told.message ?? (status === 0 ? describeError(error) : '');
    return new KubernetesError(request, status, { ...told, message }, { cause: error });
  }

  get isNotFound(): boolean {
    return this.code === 404;
  }

  get isAlreadyExists(): boolean {
    return this.code === 409 && this.reason === 'AlreadyExists';
  }

  get isConflict(): boolean {
    return this.code === 409 && this.reason === 'Conflict';
  }

  /** The version that a watch went on from is no longer known. */
  get isExpired(): boolean {
    return this.code === 410;
  }

  get isForbidden(): boolean {
    return this.code === 403;
  }

  /** Allowed, but refused by a quota, a policy, or as the namespace ends: that is 403 too. */
  get isRefused(): boolean {
    return this.isForbidden && /" is forbidden: (?!User ")/.test(this.message);
  }
}

/** Returns what becomes of an error that says nothing is there. */
export function notFoundAs<T>(otherwise: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof KubernetesError && error.isNotFound) return otherwise;
    throw error;
  };
}

/** Makes what was thrown below into what the caller of the API, who has the password, should read. */
export function answerOfCluster(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (!(error instanceof KubernetesError)) return new ProviderError(500, describeError(error), { cause: error });
  const { code, message } = error;
  if (code === 400 || code === 422 || error.isRefused)
    return new BadRequestError(`Kubernetes refuses it, ${message}`, { cause: error });
  if (code === 413) return new ProviderError(413, message, { cause: error });
  if (code === 409) return new ProviderError(409, message, { cause: error });
  if (code === 401)
    return new ProviderError(500, `the cluster does not know berth: mend kubeconfig or its token, ${message}`, {
      cause: error,
    });
  if (error.isForbidden)
    return new ProviderError(500, `the cluster does not allow it: give berth's service account the right, ${message}`, {
      cause: error,
    });
  if (code === 0 || code === 429 || code >= 500)
    return new ProviderError(503, `the cluster's API server cannot do it now: try again, ${message}`, {
      cause: error,
      headers: { 'Retry-After': '2' },
    });
  return new ProviderError(500, message, { cause: error });
}
