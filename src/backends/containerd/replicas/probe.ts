import { monotonicMs } from '../../../base/monotonic.ts';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { addAbortSignal } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeSettings } from '../../../provider/index.ts';

export interface ProbeTarget {
  hostname: string;
  port: number;
}

const watchdogPath = '/_/health';
/** The agent whose requests of-watchdog does not log. */
const userAgent = 'kube-probe/berth';
/** Pauses between looks at what starts are this part of the time that it has taken: it is found ready that much late at most. */
const pausePart = 1 / 20;
const shortestPauseMs = 1;

/** Resolves when the replica has answered well `successThreshold` times in a row; rejects when the signal aborts. */
export async function untilReady(target: ProbeTarget, settings: ProbeSettings, signal: AbortSignal): Promise<void> {
  await sleep(settings.initialDelayMs, undefined, { signal });
  const beganMs = monotonicMs();
  for (let successes = 0; successes < settings.successThreshold;) {
    successes = (await probe(target, settings, signal)) ? successes + 1 : 0;
    if (successes >= settings.successThreshold) return;
    const pauseMs = Math.max((monotonicMs() - beganMs) * pausePart, shortestPauseMs);
    await sleep(Math.min(pauseMs, settings.periodMs), undefined, { signal });
  }
}

/** Resolves when the replica has answered badly `failureThreshold` times in a row; rejects when the signal aborts. */
export async function untilFailing(
  target: ProbeTarget,
  settings: ProbeSettings,
  signal: AbortSignal,
  /** Whether the replica may have no thread left for a probe, though the first of those in a row failed so long ago. */
  isBusy: (failingMs: number) => boolean,
): Promise<void> {
  await sleep(settings.initialDelayMs, undefined, { signal });
  let failingSinceMs: number | undefined;
  for (let failures = 0; failures < settings.failureThreshold;) {
    await sleep(settings.periodMs, undefined, { signal });
    if (await probe(target, settings, signal)) {
      failures = 0;
      failingSinceMs = undefined;
    } else {
      failingSinceMs ??= monotonicMs();
      failures = isBusy(monotonicMs() - failingSinceMs) ? 0 : failures + 1;
    }
  }
}

/**
 * One look. With a path: an HTTP answer below 400. Without one: the watchdog's health path, where only 503 means "no";
 * an image that is no watchdog answers something else there, or no HTTP at all, and is taken by its open port.
 */
export async function probe(target: ProbeTarget, settings: ProbeSettings, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const { path = watchdogPath, timeoutMs } = settings;
  // A refused connection costs a small part of a refused request, and there are many while a process starts.
  const socket = await knock(target, timeoutMs, signal);
  const answer = socket && (await ask(socket, { ...target, path, timeoutMs, signal }));
  signal.throwIfAborted();
  if (settings.path !== undefined) return typeof answer === 'number' && answer < 400;
  return answer !== undefined && answer !== 'silent' && answer !== 503;
}

/** Connects; undefined where nobody listens. */
function knock({ hostname, port }: ProbeTarget, timeoutMs: number, signal: AbortSignal): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  // Given as connect's own option, the signal would hold each socket as long as the replica lives: Node.js forgets no listener there.
  const socket = addAbortSignal(signal, connect({ host: hostname, port, noDelay: true }));
  socket.setTimeout(timeoutMs, () => socket.destroy());
  socket.once('connect', () => resolve(socket));
  socket.once('error', () => resolve(undefined));
  socket.once('close', () => resolve(undefined));
  return promise;
}

type ProbeAnswer = number | 'silent' | 'no-http';

/** Asks over the connection, and ends it. */
function ask(
  socket: Socket,
  { hostname, port, path, timeoutMs, signal }: ProbeTarget & { path: string; timeoutMs: number; signal: AbortSignal },
): Promise<ProbeAnswer> {
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
  const headers = { 'User-Agent': userAgent, Connection: 'close' };
  const options = { hostname, port, path, headers, signal, createConnection: () => socket };
  const asked = request(options, (reply) => {
    resolve(reply.statusCode ?? 0);
    asked.destroy();
  });
  asked.setTimeout(timeoutMs, () => asked.destroy(new Error('the probe timed out')));
  asked.once('error', (error: NodeJS.ErrnoException) => {
    resolve(error.code?.startsWith('HPE_') ? 'no-http' : 'silent');
  });
  asked.end();
  return promise;
}
