import { z } from 'zod';
import { parseJson } from '../../base/parse-json.ts';
import type { FunctionLoad } from '../../provider/index.ts';

const amount = z.number().nonnegative();
const rows = z.array(z.tuple([z.string(), z.string(), amount, amount, amount, amount]));

/** All annotations of an object may have 256 KiB. */
const mostBytes = 200_000;

/** Writes loads so that an annotation holds them: of more than fit in it, the busiest. */
export function writeLoads(loads: FunctionLoad[]): string {
  const busiest = loads.toSorted(
    (one, other) => other.peakInFlight - one.peakInFlight || other.endedPerSecond - one.endedPerSecond,
  );
  const texts: string[] = [];
  let bytes = 2;
  for (const { namespace, name, inFlight, peakInFlight, endedPerSecond, idleMs } of busiest) {
    const rounded = [Math.round(endedPerSecond * 100) / 100, Math.round(idleMs / 1000) * 1000];
    const text = JSON.stringify([namespace, name, inFlight, peakInFlight, ...rounded]);
    bytes += Buffer.byteLength(text) + 1;
    if (bytes > mostBytes) break;
    texts.push(text);
  }
  return `[${texts.join()}]`;
}

/** Reads what another berth wrote; nothing of what is not understood. */
export function readLoads(text: string): FunctionLoad[] {
  const { success, data } = rows.safeParse(parseJson(text));
  return (success ? data : []).map(([namespace, name, inFlight, peakInFlight, endedPerSecond, idleMs]) => ({
    ...{ namespace, name, inFlight, peakInFlight, endedPerSecond, idleMs },
  }));
}
