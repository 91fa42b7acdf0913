import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/**
 * Names the call, to the function and to the caller: the caller's own `X-Call-Id` or a new UUID, and the start in
 * nanoseconds since the epoch. Source: https://docs.openfaas.com/reference/async/
 */
export function markCall(req: IncomingMessage): Record<'X-Call-Id' | 'X-Start-Time', string> {
  const given = req.headers['x-call-id'];
  const callId = typeof given === 'string' && given !== '' ? given : randomUUID();
  const startTime = String(BigInt(Date.now()) * 1_000_000n);
  req.headers['x-call-id'] = callId;
  req.headers['x-start-time'] = startTime;
  return { 'X-Call-Id': callId, 'X-Start-Time': startTime };
}
