import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { describeError, type Log } from '../base/log.ts';
import { systemPath } from '../base/run-program.ts';

/** Longer than a daemon takes to give up what it has. */
const giveUpMs = 45_000;

export interface DataLockOptions {
  dataDir: string;
  /** A service manager runs this process: it may wait, and end a daemon of its own unit that hangs. */
  isService: boolean;
  /** How long a daemon that has it may take to end; as long as one ever takes unless given. */
  waitMs?: number;
  /** Aborting it ends the wait. */
  signal: AbortSignal;
  log: Log;
}

/**
 * Sees to it that one daemon has the data folder, which two would spoil. The lock is the kernel's (flock), so a process that
 * dies has given it up. Node cannot ask for one; a program that is lent the descriptor can, for whoever has it open.
 */
export class DataLock {
  readonly #file?: FileHandle;

  private constructor(file?: FileHandle) {
    this.#file = file;
  }

  /**
   * Takes the lock, and waits for a daemon that has it and is about to end.
   * @returns undefined when the signal aborted first
   * @throws Error naming the process that has the folder, where it does not give it up
   */
  static async take(options: DataLockOptions): Promise<DataLock | undefined> {
    const { dataDir, signal, log } = options;
    let file: FileHandle;
    try {
      await mkdir(dataDir, { recursive: true });
      file = await open(path.join(dataDir, 'lock'), 'a+', 0o600);
    } catch (error) {
      // Which is told of as well by those that keep something there.
      log.warn('cannot lock data_dir, start no other berth on it', { dataDir, error: describeError(error) });
      return new DataLock();
    }
    const isLocked = (await flock(file, 0, signal)) || (await waitFor(file, options));
    if (!isLocked) return void (await file.close());
    await signIn(file).catch((error: unknown) =>
      // Such as on a full disk, which is to keep no daemon from starting: functions need it.
      log.warn('cannot write whose data_dir is', { dataDir, error: describeError(error) }),
    );
    return new DataLock(file);
  }

  /** Lets the next daemon have it. */
  async release(): Promise<void> {
    await this.#file?.close();
  }
}

/** For those that wait. */
async function signIn(file: FileHandle): Promise<void> {
  await file.truncate();
  await file.write(String(process.pid));
}

async function waitFor(file: FileHandle, options: DataLockOptions): Promise<boolean> {
  const { dataDir, isService, waitMs = giveUpMs, signal, log } = options;
  log.warn(`another berth, process ${await ownerOf(dataDir)}, has data_dir ${dataDir}: waiting for it to end`);
  while (!(await flock(file, waitMs, signal))) {
    if (signal.aborted) return false;
    // Not the one of before, which may have ended since.
    const owner = await ownerOf(dataDir);
    const problem = `another berth, process ${owner}, has data_dir ${dataDir}`;
    if (!isService) throw new Error(`${problem}: stop it (systemctl stop berth.socket berth), or set another data_dir`);
    // Its supervisor is gone, as two of one unit are never meant to run.
    if (!(await isOfOwnUnit(owner))) log.warn(`${problem}: still waiting for it to end`);
    else {
      log.error(`${problem}, and hangs: it is killed`);
      process.kill(Number(owner), 'SIGKILL');
    }
  }
  return true;
}

async function ownerOf(dataDir: string): Promise<string> {
  const pid = await readFile(path.join(dataDir, 'lock'), 'utf8').catch(() => '');
  return /^\d+$/.test(pid) ? pid : 'unknown';
}

async function isOfOwnUnit(pid: string): Promise<boolean> {
  const [own, other] = await Promise.all(
    ['self', pid].map((each) => readFile(`/proc/${each}/cgroup`, 'utf8').catch(() => undefined)),
  );
  return own !== undefined && own === other;
}

/** Locks an open file. Resolves with whether that went well within the time. */
async function flock(file: FileHandle, withinMs: number, signal: AbortSignal): Promise<boolean> {
  const args = withinMs > 0 ? ['--timeout', String(withinMs / 1000), '3'] : ['--nonblock', '3'];
  const child = spawn('flock', args, { env: { PATH: systemPath }, stdio: ['ignore', 'ignore', 'ignore', file.fd] });
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    if (signal.aborted) stop();
    const [code] = (await once(child, 'close')) as [number | null];
    return code === 0;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
