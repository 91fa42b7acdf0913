import { join } from 'node:path';
import { spans } from '../../../../src/gateway/history/function-history.ts';
import { HistoryRing, type StepNumbers } from '../../../../src/gateway/history/history-ring.ts';
import { writeRing } from '../../../../src/gateway/history/ring-file.ts';

const mebibyte = 1024 * 1024;

/** Writes what functions were like in the last day, made up, as berth itself keeps it: few calls at night, an hour in which it was off. */
export async function writePastDay(folder: string, names: string[]): Promise<void> {
  const { slots, stepSeconds } = spans.day;
  const last = Math.floor(Date.now() / 1000 / stepSeconds);
  for (const name of names) {
    const ring = new HistoryRing(slots);
    for (let step = last - slots + 1; step < last; step++) {
      const hour = ((step * stepSeconds) / 3600) % 24;
      const wasOff = last - step > 120 && last - step < 132;
      if (!wasOff) ring.set(step, numbersAt(step, hour));
    }
    await writeRing(join(folder, name), ring);
  }
}

function numbersAt(step: number, hour: number): StepNumbers {
  // Between 0 and 1, and the same for each step whenever it is asked.
  const chance = Math.abs(Math.sin(step * 12.9898) * 43_758.5453) % 1;
  const daylight = Math.max(0, Math.sin(((hour - 6) / 16) * Math.PI)) ** 1.5;
  const calls = Math.round((60 + 1500 * daylight) * (0.85 + 0.3 * chance));
  const isBusy = daylight > 0.75;
  return {
    calls,
    errors: chance > 0.93 ? Math.round(calls / 40) : 0,
    p50Ms: 38 + 14 * daylight + 4 * chance,
    p99Ms: 74 + 60 * daylight + (chance > 0.9 ? 90 : 20 * chance),
    memoryBytes: (isBusy ? 148 : 78) * mebibyte + 6 * mebibyte * chance,
    cpuMillis: 12 + 330 * daylight * (0.9 + 0.2 * chance),
    replicas: isBusy ? 4 : 2,
  };
}
