import { createLog } from '../../../src/base/log.ts';

/** A log that keeps its lines. */
export function recorder() {
  const lines: string[] = [];
  return { lines, log: createLog({ level: 'debug', write: (line) => lines.push(line) }) };
}
