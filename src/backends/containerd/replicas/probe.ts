import { monotonicMs } from '../../../base/monotonic.ts';
import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeSettings } from '../../../provider/index.ts';

export interface ProbeTarget {
  hostname: string;
  port: number;
}

const watchdogPath = '/_/health';
/** The agent whose requests of-watchdog does not log. */
const userAgent = 'kube-probe/berth';
const firstPauseMs = 1;

/** Resolves when the replica has answered well `successThreshold` times in a row; rejects when the signal aborts. */
export async function untilReady(target: ProbeTarget, settings: ProbeSettings, signal: AbortSignal): Promise<void> {
  await sleep(settings.initialDelayMs, undefined, { signal });
  let pauseMs = Math.min(firstPauseMs, settings.periodMs);
  for (let successes = 0; successes < settings.successThreshold;) {
    successes = (await probe(target, settings, signal)) ? successes + 1 : 0;
    if (successes >= settings.successThreshold) return;
    await sleep(pauseMs, undefined, { signal });
    pauseMs = Math.min(pauseMs * 1.5, settings.periodMs);
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
  const answer = await ask(target, path, timeoutMs, signal);
  signal.throwIfAborted();
  if (settings.path !== undefined) return typeof answer === 'number' && answer < 400;
  if (answer === 'unreachable') return false;
  if (answer === 'no-http') return accepts(target, timeoutMs, signal);
  return answer !== 503;
}

type ProbeAnswer = number | 'unreachable' | 'no-http';

function ask(
  { hostname, port }: ProbeTarget,
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
  const headers = { 'User-Agent': userAgent, Connection: 'close' };
  const asked = request({ hostname, port, path, headers, signal, agent: false }, (reply) => {
    resolve(reply.statusCode ?? 0);
    asked.destroy();
  });
  asked.setTimeout(timeoutMs, () => asked.destroy(new Error('the probe timed out')));
  asked.once('error', (error: NodeJS.ErrnoException) => {
    resolve(error.code?.startsWith('HPE_') ? 'no-http' : 'unreachable');
  });
  asked.end();
  return promise;
}

function accepts({ hostname, port }: ProbeTarget, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: hostname, port, signal });
  socket.setTimeout(timeoutMs, () => socket.destroy());
  socket.once('connect', () => {
    resolve(true);
    socket.destroy();
  });
  socket.once('error', () => resolve(false));
  socket.once('close', () => resolve(false));
  return promise;
}
