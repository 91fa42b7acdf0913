import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../base/log.ts';
import { missingMount, type mountTables } from '../base/missing-mount.ts';

export interface UntilMountedOptions {
  /** Aborting it ends the wait. */
  signal: AbortSignal;
  log: Log;
  /** What tests want elsewhere, and shorter. */
  tables?: typeof mountTables;
  lookMs?: number;
}

/** Waits for the disk of data_dir: an empty folder in its place has none of the functions, and would be written to. */
export async function untilMounted(dataDir: string, options: UntilMountedOptions): Promise<void> {
  const { signal, log, tables, lookMs = 2000 } = options;
  for (let said = ''; !signal.aborted;) {
    const missing = await missingMount(dataDir, tables);
    if (missing === undefined) return;
    if (missing !== said) log.warn(`data_dir is on ${missing}, which is not mounted: waiting for it`, { dataDir });
    said = missing;
    await sleep(lookMs, undefined, { signal }).catch(() => {});
  }
}
