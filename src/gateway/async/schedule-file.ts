import { z } from 'zod';
import { absentAs } from '../../base/absent-file.ts';
import { writeDurably } from '../../base/durable-file.ts';
import { firstIssue } from '../../base/first-issue.ts';
import { newerSchema } from '../../base/newer-schema.ts';
import { describeError, type Log } from '../../base/log.ts';
import { readPlainFile } from '../../base/read-plain-file.ts';

/** What is kept of one function's schedules. */
const keptSchedules = z.object({
  /** Until when each schedule was looked after, in milliseconds since the epoch, by its text. */
  done: z.record(z.string(), z.number().nonnegative()),
  /** Id of the last call that was queued. */
  call: z.string().optional(),
});
export type KeptSchedules = z.infer<typeof keptSchedules>;

const form = z.object({ schema: z.literal(1), functions: z.record(z.string(), keptSchedules) });

/** Keeps over restarts, by the functions' full names, what was done for their schedules. */
export class ScheduleFile {
  readonly #path: string;
  readonly #log: Log;
  #isFailing = false;

  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** Reads what is kept. Where it cannot be read, which the log tells, nothing is. */
  async read(): Promise<Map<string, KeptSchedules>> {
    try {
      const text = await readPlainFile(this.#path).catch(absentAs(''));
      if (text === '') return new Map();
      const value: unknown = JSON.parse(text);
      const parsed = form.safeParse(value);
      if (!parsed.success) throw new Error(newerSchema(value) ?? firstIssue(parsed.error, 'it'));
      return new Map(Object.entries(parsed.data.functions));
    } catch (error) {
      const problem = 'cannot read what was done for schedules: what was missed is not made up for';
      this.#log.warn(problem, { path: this.#path, error });
      return new Map();
    }
  }

  /** Writes what is to be kept. What fails is told once; false then. */
  async write(functions: Map<string, KeptSchedules>): Promise<boolean> {
    try {
      await writeDurably(this.#path, JSON.stringify({ schema: 1, functions: Object.fromEntries(functions) }));
      if (this.#isFailing) this.#log.info('what was done for schedules can be written again', { path: this.#path });
      this.#isFailing = false;
    } catch (error) {
      const problem = 'cannot write what was done for schedules: a restart may make up for less';
      if (!this.#isFailing) this.#log.warn(problem, { path: this.#path, error: describeError(error) });
      this.#isFailing = true;
    }
    return !this.#isFailing;
  }
}
