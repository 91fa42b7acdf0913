/**
 * The events of OpenFaaS's webhooks, in JSON; field names are the wire's.
 * Source: https://github.com/openfaas/faas-provider/blob/master/types/system_events.go
 */

export type SystemEventType = 'function_usage' | 'api_access';

/** A call of a function, for metering: type `function_usage`. */
export interface FunctionUsageEvent {
  namespace: string;
  function_name: string;
  /** RFC 3339. */
  started: string;
  /** Nanoseconds. */
  duration: number;
  memory_bytes: number;
}

/** A request to /system, for auditing: type `api_access`. */
export interface APIAccessEvent {
  actor?: Actor;
  path: string;
  method: string;
  actions: string[];
  response_code: number;
  custom_message?: string;
  namespace?: string;
  /** RFC 3339. */
  time: string;
}

/** Who made the request, by OpenID Connect's claims. */
export interface Actor {
  /** The user's unique id. */
  sub: string;
  name?: string;
  /** Who issued the token. */
  issuer?: string;
  /** Who vouched for the user to that issuer. */
  fed_issuer?: string;
}
