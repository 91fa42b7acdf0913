import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, type Log } from '../base/log.ts';
import { runProgram, systemPath } from '../base/run-program.ts';
import type { Environment } from '../provider/index.ts';

/** What systemd is told of; the daemon's own. */
export interface ServiceLife {
  /** Everything that is to run has been looked after. */
  isReady: () => boolean;
  /** Where it is not: what it waits for. */
  problems: () => string[];
  /** The daemon does its work, so it is not to be started again. */
  isAlive: () => boolean;
}

/** How often it is looked whether the daemon is ready. */
const readyLookMs = 100;
/** What stays wrong for so long is said by `systemctl status`. */
const statusMs = 5000;
/** Each ping starts a process. */
const longestPingMs = 60_000;

/**
 * Tells systemd when the daemon is ready, and from then on that it is alive: by systemd-notify, as Node cannot write to a
 * datagram socket. Without systemd nobody is told.
 */
export class ServiceManager {
  readonly #socket?: string;
  readonly #watchdogMs: number;
  readonly #log: Log;

  constructor({ NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUs }: Environment, log: Log) {
    this.#socket = socket;
    this.#watchdogMs = Number(watchdogUs ?? 0) / 1000;
    this.#log = log;
  }

  get isThere(): boolean {
    return this.#socket !== undefined;
  }

  get #everyMs(): number {
    return Math.min(this.#watchdogMs / 3 || longestPingMs, longestPingMs);
  }

  /** Tells how the daemon is until the signal aborts. Never rejects. */
  async follow(life: ServiceLife, signal: AbortSignal): Promise<void> {
    if (!this.isThere) return;
    await this.#untilReady(life, signal);
    if (signal.aborted) return;
    // Until it is heard: what starts for systemd for ever has no watchdog either.
    while (!(await this.#tell('READY=1', 'STATUS=serving')) && !signal.aborted) await pause(this.#everyMs, signal);
    await this.#ping(life, signal);
  }

  async #untilReady(life: ServiceLife, signal: AbortSignal): Promise<void> {
    let said = '';
    for (let waitedMs = 0; !life.isReady() && !signal.aborted; waitedMs += readyLookMs) {
      const waitsFor = life.problems().join('; ') || 'functions';
      if (waitedMs % statusMs === statusMs - readyLookMs && waitsFor !== said)
        await this.#tell(`STATUS=waiting for ${(said = waitsFor)}`);
      await pause(readyLookMs, signal);
    }
  }

  async #ping(life: ServiceLife, signal: AbortSignal): Promise<void> {
    if (this.#watchdogMs === 0) return;
    while (!signal.aborted) {
      if (life.isAlive()) await this.#tell('WATCHDOG=1');
      else this.#log.error('a reconciler pass hangs, so the watchdog is not told that berth is alive');
      await pause(this.#everyMs, signal);
    }
  }

  /** @returns whether systemd has been told */
  async #tell(...lines: string[]): Promise<boolean> {
    const env = { PATH: systemPath, NOTIFY_SOCKET: this.#socket };
    try {
      const { exitCode, stderr } = await runProgram('systemd-notify', { args: lines, env });
      if (exitCode === 0) return true;
      throw new Error(stderr.trim() || `exit code ${exitCode}`);
    } catch (error) {
      this.#log.warn('cannot tell systemd how berth is', { what: lines[0], error: describeError(error) });
      return false;
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
