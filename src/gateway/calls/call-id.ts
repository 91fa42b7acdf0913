import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Returns the headers that name a call: the caller's own `X-Call-Id` or a new UUID, and when it began, in nanoseconds since
 * the epoch. Source: https://docs.openfaas.com/reference/async/
 */
export function callHeaders({ headers }: IncomingMessage): Record<string, string> {
  const given = headers['x-call-id'];
  return {
    'X-Call-Id': typeof given === 'string' && given !== '' ? given : randomUUID(),
    'X-Start-Time': `${Date.now()}000000`,
  };
}
