import type { Log } from '../base/log.ts';
import { monotonicMs } from '../base/monotonic.ts';
import type { LogReplica } from './log-line.ts';

const quietMs = 60_000;

/** Warns of a problem with a replica's lines. */
export type WarnOfLines = (problem: string, replica: LogReplica, error: unknown) => void;

/** Makes a warner that says each kind of problem at most once a minute, because it may come with every line. */
export function rareWarnings(log: Log, dir: string): WarnOfLines {
  const mutedUntil = new Map<string, number>();
  return (problem, { name, namespace, id }, error) => {
    const now = monotonicMs();
    if (now < (mutedUntil.get(problem) ?? 0)) return;
    mutedUntil.set(problem, now + quietMs);
    log.warn(problem, { function: `${name}.${namespace}`, replica: id, dir, error });
  };
}
