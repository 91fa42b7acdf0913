import type { FunctionName } from '../../../provider/index.ts';
import { api, messageOf, RefusedError, type StreamCall } from './api.ts';
import { LogLines } from './log-lines.ts';
import { readParts } from './part-reader.ts';
import { sleep } from './sleep.ts';

const tellMs = 100;
const againMs = 2000;
const firstLines = 200;
/** Asked of berth, so that a function that writes nothing is told from a connection that is gone. */
const keepAliveSeconds = 15;

/** Follows a function's log, over restarts of berth as well. */
export class LogFollower {
  readonly lines: LogLines;
  /** Why no lines come; '' while they do. */
  problem = '';
  readonly #fn: FunctionName;
  #timer?: ReturnType<typeof setTimeout>;

  constructor(fn: FunctionName, most: number) {
    this.#fn = fn;
    this.lines = new LogLines(most);
  }

  /**
   * Follows until the signal aborts, and calls the listener at most ten times a second.
   * @param silentMs how long nothing may come; 40 s unless given
   */
  async run(signal: AbortSignal, listener: () => void, silentMs?: number): Promise<void> {
    const tell = () => {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        if (!signal.aborted) listener();
      }, tellMs);
    };
    while (!signal.aborted) {
      try {
        await this.#follow({ signal, silentMs }, tell);
        this.problem = 'The log has ended. Trying again.';
      } catch (error) {
        if (error instanceof RefusedError && error.status === 401) return;
        this.problem = messageOf(error);
      }
      tell();
      await sleep(againMs, signal);
    }
  }

  async #follow(call: StreamCall, tell: () => void): Promise<void> {
    const since = this.lines.goOn();
    const query = new URLSearchParams({ ...this.#fn, follow: '1', keepalive: String(keepAliveSeconds) });
    if (since === undefined) query.set('tail', String(firstLines));
    else query.set('since', since);
    const add = (json: string) => {
      this.lines.add(json);
      tell();
    };
    await api.stream(`/system/logs?${query}`, call, (reply, heard) => {
      this.problem = '';
      tell();
      return readParts(reply, '\n', add, heard);
    });
  }
}
