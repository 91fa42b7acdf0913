import type { FunctionName } from '../../../provider/index.ts';
import { api, messageOf, RefusedError } from './api.ts';
import { LogLines } from './log-lines.ts';
import { readParts } from './part-reader.ts';

const tellMs = 100;
const againMs = 2000;
const firstLines = 200;

/** Follows a function's log, over restarts of berth as well. */
export class LogFollower {
  readonly lines: LogLines;
  /** Why no lines come; '' while they do. */
  problem = '';
  readonly #fn: FunctionName;
  #timer = 0;

  constructor(fn: FunctionName, most: number) {
    this.#fn = fn;
    this.lines = new LogLines(most);
  }

  /** Follows until the signal aborts, and calls the listener at most ten times a second. */
  async run(signal: AbortSignal, listener: () => void): Promise<void> {
    const tell = () => {
      this.#timer ||= window.setTimeout(() => {
        this.#timer = 0;
        if (!signal.aborted) listener();
      }, tellMs);
    };
    while (!signal.aborted) {
      try {
        await this.#follow(signal, tell);
        this.problem = 'The log has ended. Trying again.';
      } catch (error) {
        if (error instanceof RefusedError && error.status === 401) return;
        this.problem = messageOf(error);
      }
      tell();
      await new Promise((resolve) => setTimeout(resolve, againMs));
    }
  }

  async #follow(signal: AbortSignal, tell: () => void): Promise<void> {
    const since = this.lines.goOn();
    const query = new URLSearchParams({ ...this.#fn, follow: '1' });
    if (since === undefined) query.set('tail', String(firstLines));
    else query.set('since', since);
    const reply = await api.fetch(`/system/logs?${query}`, { signal });
    this.problem = '';
    tell();
    await readParts(reply, '\n', (json) => {
      this.lines.add(json);
      tell();
    });
  }
}
