import { fullName, type FunctionLoad, type FunctionName } from '../../provider/index.ts';
import { memoryMs } from '../calls/function-traffic.ts';
import type { Invocations } from '../metrics/invocations.ts';

/** Tells what is measured here of those functions that had calls lately. */
export function loadsOf(functions: FunctionName[], invocations: Invocations, nowMs: number): FunctionLoad[] {
  return functions.flatMap(({ name, namespace }) => {
    const traffic = invocations.traffic({ name, namespace });
    const idleMs = traffic.idleMs(nowMs);
    const peakInFlight = idleMs < memoryMs ? traffic.peakInFlight(nowMs) : 0;
    if (peakInFlight === 0) return [];
    const { inFlight } = traffic;
    return [{ name, namespace, inFlight, peakInFlight, endedPerSecond: traffic.endedPerSecond(nowMs), idleMs }];
  });
}

/** Sums up by the functions' full names what several have measured; a function is idle for as long as none has a call of it. */
export function sumLoads(loads: FunctionLoad[]): Map<string, FunctionLoad> {
  const sums = new Map<string, FunctionLoad>();
  for (const load of loads) {
    const sum = sums.get(fullName(load));
    sums.set(fullName(load), sum ? both(sum, load) : load);
  }
  return sums;
}

function both(one: FunctionLoad, other: FunctionLoad): FunctionLoad {
  return {
    ...one,
    inFlight: one.inFlight + other.inFlight,
    // They need not have been at the same moment: rather too many replicas than too few.
    peakInFlight: one.peakInFlight + other.peakInFlight,
    endedPerSecond: one.endedPerSecond + other.endedPerSecond,
    idleMs: Math.min(one.idleMs, other.idleMs),
  };
}
