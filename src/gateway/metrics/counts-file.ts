import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { absentAs } from '../../base/absent-file.ts';
import { writeDurably } from '../../base/durable-file.ts';
import { firstIssue } from '../../base/first-issue.ts';
import { describeError, type Log } from '../../base/log.ts';
import { readPlainFile } from '../../base/read-plain-file.ts';
import { keptHold, type AlertHolds } from '../scaling/alert-holds.ts';
import { keptCounts } from './call-counts.ts';
import type { Invocations } from './invocations.ts';

/** With the time that a write takes, no more than 10 s of counts are lost in a crash. */
const periodMs = 7000;

const form = z.object({
  schema: z.literal(1),
  functions: z.record(z.string(), keptCounts),
  alerts: z.record(z.string(), keptHold).default({}),
});

export interface CountsFileOptions {
  path: string;
  invocations: Invocations;
  holds: AlertHolds;
  log: Log;
  /** Between two writes, in milliseconds; 7 s unless given. */
  periodMs?: number;
}

/**
 * Keeps counts of calls, and what alerts have added, over restarts: in a file that is written every few seconds while they
 * change.
 */
export class CountsFile {
  readonly #options: CountsFileOptions;
  #written = '';
  #isFailing = false;

  constructor(options: CountsFileOptions) {
    this.#options = options;
  }

  /** Takes over what an earlier process counted. What cannot be read is told in the log, and counts begin at 0. */
  async read(): Promise<void> {
    const { path, invocations, holds, log } = this.#options;
    try {
      const text = await readPlainFile(path).catch(absentAs(''));
      if (text === '') return;
      const parsed = form.safeParse(JSON.parse(text));
      if (!parsed.success) throw new Error(firstIssue(parsed.error, 'it'));
      invocations.add(parsed.data.functions);
      holds.add(parsed.data.alerts);
    } catch (error) {
      log.warn('cannot read what was counted of calls, which begins at 0: remove the file', { path, error });
    }
  }

  /** Writes until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(this.#options.periodMs ?? periodMs, undefined, { signal, ref: false }).catch(() => {});
      await this.write();
    }
  }

  /** Writes what has changed. What fails is told once, and tried again by the next. */
  async write(): Promise<void> {
    const { path, invocations, holds, log } = this.#options;
    const text = JSON.stringify({ schema: 1, functions: invocations.kept(), alerts: holds.kept() });
    if (text === this.#written) return;
    try {
      // A power cut may take them, and calls do not wait for a disk.
      await writeDurably(path, text, { fsync: false });
      this.#written = text;
      if (this.#isFailing) log.info('counts of calls can be written again', { path });
      this.#isFailing = false;
    } catch (error) {
      const problem = 'cannot write counts of calls: a restart would lose them';
      if (!this.#isFailing) log.warn(problem, { path, error: describeError(error) });
      this.#isFailing = true;
    }
  }
}
