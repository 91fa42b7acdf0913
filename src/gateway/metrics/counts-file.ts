import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { absentAs } from '../../base/absent-file.ts';
import { removeDurably, writeDurably } from '../../base/durable-file.ts';
import { firstIssue } from '../../base/first-issue.ts';
import { newerSchema } from '../../base/newer-schema.ts';
import { describeError, type Log } from '../../base/log.ts';
import { readPlainFile } from '../../base/read-plain-file.ts';
import { keptHold, type AlertHolds } from '../scaling/alert-holds.ts';
import { keptCounts } from './call-counts.ts';
import type { Invocations } from './invocations.ts';

/** With the time that a write takes, no more than 10 s of counts are lost in a crash. */
const periodMs = 7000;
/** For so long after the start those before may still be ending. */
const restsMs = 120_000;

const ownSchema = 1;
const asideName = (schema: number) => `.schema-${schema}`;

const form = z.object({
  schema: z.literal(ownSchema),
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
  /** What tells whether anything has changed: to gather the counts of a thousand functions is work. */
  #written?: { changes: number; alerts: string };
  #isFailing = false;
  #isHandedOver = false;

  constructor(options: CountsFileOptions) {
    this.#options = options;
  }

  /** Takes over what earlier processes counted. What cannot be read is told in the log, and counts begin at 0. */
  async read(): Promise<void> {
    await this.#add(this.#options.path);
    await this.#addRests();
  }

  async #add(path: string): Promise<void> {
    const { invocations, holds, log } = this.#options;
    try {
      const text = await readPlainFile(path).catch(absentAs(''));
      if (text === '') return;
      const value: unknown = JSON.parse(text);
      const newer = newerSchema(value);
      if (newer !== undefined) return await this.#setAside(path, value as { schema: number });
      const parsed = form.safeParse(value);
      if (!parsed.success) throw new Error(firstIssue(parsed.error, 'it'));
      invocations.add(parsed.data.functions);
      holds.add(parsed.data.alerts);
    } catch (error) {
      log.warn('cannot read what was counted of calls, which begins at 0: remove the file', { path, error });
    }
  }

  /** Leaves a newer berth's counts to that: it adds them when it is back. */
  async #setAside(path: string, { schema }: { schema: number }): Promise<void> {
    const aside = `${path}${asideName(schema)}`;
    await rename(path, aside);
    this.#options.log.warn(
      'counts of calls begin at 0: those before are of a newer berth, which adds them once it is back',
      {
        path: aside,
      },
    );
  }

  /**
   * Adds what processes before this one counted after they had handed over, and what an older berth has set aside, each in a
   * file beside the main one.
   */
  async #addRests(): Promise<void> {
    const { path } = this.#options;
    const names = await readdir(dirname(path)).catch(() => []);
    const isRest = (name: string) => /\.\d+$/.test(name) || name.endsWith(asideName(ownSchema));
    const rests = names.filter((name) => name.startsWith(`${basename(path)}.`) && isRest(name));
    if (rests.length === 0) return;
    for (const rest of rests) await this.#add(join(dirname(path), rest));
    await this.write();
    for (const rest of rests) await removeDurably(join(dirname(path), rest)).catch(() => undefined);
  }

  /** Writes until the signal aborts; never rejects. From then on the file is the next process's. */
  async run(signal: AbortSignal): Promise<void> {
    const { periodMs: pauseMs = periodMs, invocations } = this.#options;
    for (let sinceMs = 0; !signal.aborted; sinceMs += pauseMs) {
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
      await this.write();
      if (sinceMs < restsMs && !signal.aborted) await this.#addRests();
    }
    this.#isHandedOver = true;
    invocations.handedOver();
  }

  /** Leaves to the next process what was counted since `run` has ended. */
  async writeRest(): Promise<void> {
    const { path, invocations, log } = this.#options;
    const functions = invocations.kept();
    if (Object.keys(functions).length === 0) return;
    const text = JSON.stringify({ schema: ownSchema, functions });
    await writeDurably(`${path}.${process.pid}`, text, { fsync: false }).catch((error: unknown) =>
      log.warn('counts of the last calls are lost', { path, error: describeError(error) }),
    );
  }

  /** Writes what has changed. What fails is told once, and tried again by the next. */
  async write(): Promise<void> {
    const { path, invocations, holds, log } = this.#options;
    const alerts = holds.kept();
    const now = { changes: invocations.changes, alerts: JSON.stringify(alerts) };
    const isSame = now.changes === this.#written?.changes && now.alerts === this.#written.alerts;
    if (this.#isHandedOver || isSame) return;
    const text = JSON.stringify({ schema: ownSchema, functions: invocations.kept(), alerts });
    try {
      // A power cut may take them, and calls do not wait for a disk.
      await writeDurably(path, text, { fsync: false });
      this.#written = now;
      if (this.#isFailing) log.info('counts of calls can be written again', { path });
      this.#isFailing = false;
    } catch (error) {
      const problem = 'cannot write counts of calls: a restart would lose them';
      if (!this.#isFailing) log.warn(problem, { path, error: describeError(error) });
      this.#isFailing = true;
    }
  }
}
