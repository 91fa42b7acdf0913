import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from '../base/monotonic.ts';
import { processStartTicks } from '../base/process-start.ts';

const lookMs = 250;
/** How much longer than it may drain a daemon that ends is waited for. */
const graceMs = 5000;

/**
 * The daemons that have handed over and only end calls in flight: each has a file by its process id under `<run_dir>/draining`,
 * which says when it began as the kernel counts, so that another process of the same id is not taken for it.
 */
export class Drainers {
  readonly #folder: string;

  constructor(runDir: string) {
    this.#folder = path.join(runDir, 'draining');
  }

  /** This process is one from now on. */
  async add(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await writeFile(this.#own, String((await processStartTicks(process.pid)) ?? ''));
  }

  /** Its last call has ended. */
  async delete(): Promise<void> {
    await rm(this.#own, { force: true });
  }

  /** Resolves when there is none any more of those there are now, or they have had their time. Never rejects. */
  async gone(drainMs: number): Promise<void> {
    const endMs = monotonicMs() + drainMs + graceMs;
    while ((await this.#areThere()) && monotonicMs() < endMs) await sleep(lookMs, undefined, { ref: false });
  }

  get #own(): string {
    return path.join(this.#folder, String(process.pid));
  }

  async #areThere(): Promise<boolean> {
    const pids = await readdir(this.#folder).catch(() => []);
    const alive = await Promise.all(pids.map((pid) => this.#isAlive(pid)));
    return alive.includes(true);
  }

  async #isAlive(pid: string): Promise<boolean> {
    const file = path.join(this.#folder, pid);
    const said = await readFile(file, 'utf8').catch(() => '');
    const ticks = await processStartTicks(Number(pid));
    if (Number(pid) !== process.pid && ticks !== undefined && said === String(ticks)) return true;
    await rm(file, { force: true }).catch(() => undefined);
    return false;
  }
}
