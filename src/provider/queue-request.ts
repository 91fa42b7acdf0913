/**
 * What is put on OpenFaaS's queue and read from it, in JSON; field names are the wire's.
 * Source: https://github.com/openfaas/faas-provider/blob/master/types/queue.go
 */

/** A call that a queue worker makes later. */
export interface QueueRequest {
  Header?: Record<string, string[]>;
  Host?: string;
  /** Base64 of the body. */
  Body?: string;
  Method: string;
  /** What followed the function's name in the path. */
  Path?: string;
  QueryString?: string;
  /** The function, as the path of its call names it. */
  Function: string;
  /** The default queue when absent. */
  QueueName?: string;
  /** Those of the function's annotations that the worker heeds. */
  Annotations?: Record<string, string>;
  /** Those of the function's labels that the worker heeds. */
  Labels?: Record<string, string>;
  /** Those of the function's environment variables that the worker heeds. */
  Environment?: Record<string, string>;
  /** Where the worker posts the answer. */
  CallbackUrl?: QueuedUrl;
}

/** A URL in the parts that Go's encoder gives it. Source: https://pkg.go.dev/net/url#URL */
export interface QueuedUrl {
  Scheme: string;
  Opaque: string;
  User: object | null;
  Host: string;
  Path: string;
  RawPath: string;
  OmitHost?: boolean;
  ForceQuery: boolean;
  RawQuery: string;
  Fragment: string;
  RawFragment: string;
}

/** Puts calls on a queue. */
export interface RequestQueuer {
  queue(request: QueueRequest): Promise<void>;
}
