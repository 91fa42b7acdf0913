import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProbeTarget {
  hostname: string;
  port: number;
}

const firstPauseMs = 5;
const longestPauseMs = 250;
const connectTimeoutMs = 1000;

/** Returns when the replica accepts connections; rejects when the signal aborts. */
export async function untilReady(target: ProbeTarget, signal: AbortSignal): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!(await accepts(target, signal))) {
    await sleep(pauseMs, undefined, { signal });
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
  }
}

function accepts({ hostname, port }: ProbeTarget, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host: hostname, port, signal });
  socket.setTimeout(connectTimeoutMs, () => socket.destroy());
  socket.once('connect', () => {
    resolve(true);
    socket.destroy();
  });
  socket.once('error', () => resolve(false));
  socket.once('close', () => resolve(false));
  return promise;
}
