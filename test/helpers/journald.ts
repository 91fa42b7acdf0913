import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { until } from './poll.ts';
import { endProcess, isRunning, run } from './processes.ts';

export interface TestJournald extends AsyncDisposable {
  /** Its stream socket. */
  readonly socketPath: string;
  /** The entries with this SYSLOG_IDENTIFIER, oldest first, all of them flushed. */
  entries(identifier: string): Promise<JournalEntry[]>;
  /** Ends it if it is ours. */
  stop(): Promise<void>;
}

/** The fields of journalctl's JSON; bytes that are no text come as an array of numbers. */
export type JournalEntry = Record<string, string | number[] | null>;

const socketPath = '/run/systemd/journal/stdout';

/** The host's journald, or one of our own where none runs. Needs root. */
export async function startJournald(): Promise<TestJournald> {
  const child = (await answers()) ? undefined : spawn('/lib/systemd/systemd-journald', { stdio: 'ignore' });
  if (child) {
    child.on('error', (error) => console.error(`systemd-journald: ${error.message}`));
    await mkdir('/run/log/journal', { recursive: true });
    await until(() => !isRunning(child) || answers(), { message: 'journald' });
    if (!isRunning(child)) throw new Error('systemd-journald ended at its start');
  }
  async function stop() {
    if (child) await endProcess(child);
  }
  return {
    socketPath,
    async entries(identifier) {
      await run('journalctl', ['--sync']);
      const { stdout } = await run('journalctl', ['--output=json', '--all', '--identifier', identifier], {
        maxBuffer: 256 << 20,
      });
      return stdout
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as JournalEntry);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** A journald that has ended leaves its socket file behind, so the file alone says nothing. */
async function answers(): Promise<boolean> {
  if (!existsSync(socketPath)) return false;
  return run('journalctl', ['--sync']).then(
    () => true,
    () => false,
  );
}
