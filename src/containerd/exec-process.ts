import { rm } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit from 'p-limit';
import { isNotFound, isUnavailable, notFoundAs } from './containerd-error.ts';
import type { Containerd } from './containerd.ts';
import type { ExecKey } from './exec-service.ts';
import { discardOutput, Fifos } from './fifos.ts';
import type { NamespacedClient } from './namespaced-client.ts';

export interface ExecOptions extends ExecKey {
  /** The containerd namespace of the task. */
  namespace: string;
  /** As the `process` of an OCI runtime specification. */
  process: object;
  /** Give it a terminal, whose output is `stdout`. */
  terminal: boolean;
  /** Where its FIFOs are made. */
  folder: string;
}

export interface ExecEnd {
  /** 128 + signal when a signal ended it. */
  exitStatus: number;
  /** False where something that it started goes on and may still write. */
  isOutputClosed: boolean;
}

/** How long output may be quiet behind the end of a process until no more of it is waited for: its children may hold it. */
const quietMs = 2_000;

/** A further process of a running task, and both ends of what it reads and writes. */
export class ExecProcess {
  readonly pid: number;
  readonly #containerd: Containerd;
  readonly #client: NamespacedClient;
  readonly #key: ExecKey;
  readonly #folder: string;
  readonly #fifos: Fifos;
  readonly #inTurn = pLimit(1);
  #size?: object;

  private constructor(containerd: Containerd, options: ExecOptions, started: { pid: number; fifos: Fifos }) {
    this.#containerd = containerd;
    this.#client = containerd.namespace(options.namespace);
    this.#key = { containerId: options.containerId, execId: options.execId };
    this.#folder = options.folder;
    this.pid = started.pid;
    this.#fifos = started.fifos;
  }

  /** @throws ContainerdError with the runtime's words when it cannot be started; nothing of it is left then */
  static async start(containerd: Containerd, options: ExecOptions): Promise<ExecProcess> {
    const { namespace, containerId, execId, process, terminal, folder } = options;
    const { execs } = containerd.namespace(namespace);
    const fifos = await Fifos.make(folder, { stderr: !terminal });
    try {
      await execs.create({ containerId, execId, process, terminal, ...fifos.paths });
      const { pid } = await execs.start({ containerId, execId });
      return new ExecProcess(containerd, options, { pid, fifos });
    } catch (error) {
      await execs.delete({ containerId, execId }).catch(() => undefined);
      await fifos.remove();
      throw error;
    }
  }

  get stdin(): Writable {
    return this.#fifos.stdin;
  }

  get stdout(): Readable {
    return this.#fifos.stdout;
  }

  /** Absent with a terminal. */
  get stderr(): Readable | undefined {
    return this.#fifos.stderr;
  }

  /** Has it read the end of its standard input, behind all that was written. */
  async endStdin(): Promise<void> {
    const { stdin } = this.#fifos;
    stdin.end();
    // A FIFO cannot be shut down, which is an error of its own; all was written before.
    await finished(stdin).catch(() => undefined);
    stdin.destroy();
    await this.#client.execs.closeStdin(this.#key).catch(notFoundAs(undefined));
  }

  /** Tells its terminal the size, in characters. Of several at once the last holds: containerd takes calls in any order. */
  async resize(width: number, height: number): Promise<void> {
    const size = { width, height };
    this.#size = size;
    await this.#inTurn(async () => {
      if (this.#size !== size) return;
      await this.#client.execs.resize({ ...this.#key, ...size }).catch(() => undefined);
    });
  }

  /** Sends a signal to it and what it started, as a terminal does. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (killGroup(this.pid, signal)) return;
    await this.#client.execs.kill({ ...this.#key, signal }).catch(notFoundAs(undefined));
  }

  /** Resolves when it has ended and its output is read. */
  async ended(): Promise<ExecEnd> {
    const { exitStatus } = await this.#wait();
    const outputs = [this.#fifos.stdout, this.#fifos.stderr].filter((output) => output !== undefined);
    const closed = Promise.all(outputs.map((output) => finished(output, { writable: false }).catch(() => undefined)));
    const bytes = () => outputs.reduce((sum, output) => sum + output.bytesRead, 0);
    const isTaken = () => outputs.every(({ readableLength }) => readableLength === 0);
    for (let before = -1; before !== bytes() || !isTaken();) {
      before = bytes();
      if ((await Promise.race([closed, sleep(quietMs, 'quiet' as const)])) !== 'quiet')
        return { exitStatus, isOutputClosed: true };
    }
    return { exitStatus, isOutputClosed: false };
  }

  /** Waits also over a restart of containerd. */
  async #wait(): Promise<{ exitStatus: number }> {
    for (;;) {
      try {
        return await this.#client.execs.wait(this.#key);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await this.#containerd.waitReady();
      }
    }
  }

  /** Leaves nothing behind, neither of it nor of its FIFOs. */
  async remove(): Promise<void> {
    await this.#fifos.remove();
    await endExec(this.#client, this.#key, this.#folder);
  }
}

/** Ends a process with what it started, if it is there still, and removes what was made for it. */
export async function endExec({ execs }: NamespacedClient, key: ExecKey, folder: string): Promise<void> {
  // It is deleted once all that it wrote is taken: containerd waits 10 s for that.
  const output = await discardOutput(folder);
  try {
    const { pid, status } = await execs.get(key);
    if (status === 'RUNNING') {
      killGroup(pid, 'SIGKILL');
      await execs.kill({ ...key, signal: 'SIGKILL' }).catch(notFoundAs(undefined));
    }
    // What was never started does not end.
    if (status !== 'STOPPED' && status !== 'CREATED') await execs.wait(key);
    await execs.delete(key);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  } finally {
    output.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The runtime has made a process a group of its own. */
function killGroup(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return pid > 1 && process.kill(-pid, signal);
  } catch {
    return false;
  }
}
