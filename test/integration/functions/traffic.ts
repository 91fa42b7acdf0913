import { setTimeout as sleep } from 'node:timers/promises';
import type { TestBerth } from '../../helpers/berth.ts';

export interface Traffic {
  /** Calls that ended. */
  readonly calls: number;
  /** The bodies that came with 200, each once. */
  readonly answers: ReadonlySet<string>;
  /** Ends it and waits for the last call: what went wrong, one line each. */
  stop(): Promise<string[]>;
}

/** Calls a function over and over, about 50 times a second, until it is stopped. */
export function startTraffic(berth: TestBerth, path: string, { workers = 2, pauseMs = 40 } = {}): Traffic {
  const failures: string[] = [];
  const answers = new Set<string>();
  let calls = 0;
  let going = true;

  async function call(): Promise<void> {
    try {
      const { status, text } = await berth.invoke(path);
      if (status === 200) answers.add(text);
      else failures.push(`${status} ${text.trim()}`);
    } catch (error) {
      const { cause } = error as Error;
      failures.push(`${String(error)} ${cause instanceof Error ? cause.message : ''}`);
    }
    calls += 1;
  }
  async function work(): Promise<void> {
    while (going) {
      await call();
      await sleep(pauseMs);
    }
  }

  const done = Promise.all(Array.from({ length: workers }, work));
  return {
    get calls() {
      return calls;
    },
    answers,
    async stop() {
      going = false;
      await done;
      return failures;
    },
  };
}
