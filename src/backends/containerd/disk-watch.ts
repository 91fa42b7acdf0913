import { monotonicMs } from '../../base/monotonic.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import { roomOn } from '../../base/disk-full.ts';
import { describeError } from '../../base/log.ts';
import { fullName, type FunctionName } from '../../provider/index.ts';
import type { FunctionStates } from './reconcile/function-states.ts';
import type { Host } from './replicas/host.ts';
import { hasGivenUpReading } from './replicas/shim-output.ts';
import { shimsOf } from './replicas/stray-shims.ts';

const lookMs = 2000;
/** Between looks at disks that have ample room. */
const ampleMs = 10_000;
/** What was missed, such as a disk that was full between two looks, is found at the latest after this. */
const searchMs = 5 * 60_000;

export interface DiskWatchOptions {
  host: Host;
  states: FunctionStates;
  wake: (fn: FunctionName) => void;
  /** Folders by the settings that name them. */
  folders: Record<string, string>;
  /** Is told at each look that finds containerd's disk full. */
  onContainerdFull: () => void;
}

/** Says which disk is full. Once none is, starts that failed are tried anew, and replicas whose output nobody reads are replaced. */
export class DiskWatch {
  readonly #parts: DiskWatchOptions;
  #searchAtMs = 0;
  #wasFull = false;
  #isAmple = false;

  constructor(parts: DiskWatchOptions) {
    this.#parts = parts;
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look().catch((error: unknown) => {
        this.#parts.host.parts.set('disk', `could not look whether it is full: ${describeError(error)}`);
      });
      await sleep(this.#isAmple ? ampleMs : lookMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { host, states, wake } = this.#parts;
    const full = await this.#full();
    host.parts.set('disk', full.length > 0 ? `the disk of ${full.join(', ')} is full: make room` : undefined);
    const isRoomAgain = this.#wasFull && full.length === 0;
    this.#wasFull = full.length > 0;
    if (this.#wasFull || (!isRoomAgain && monotonicMs() < this.#searchAtMs)) return;
    this.#searchAtMs = monotonicMs() + searchMs;
    for (const state of isRoomAgain ? states.all() : []) {
      state.roomAgain();
      wake(state.fn);
    }
    await this.#replaceUnread();
  }

  /** Whose disks are full, by the settings that name them. */
  async #full(): Promise<string[]> {
    const { host, folders, onContainerdFull } = this.#parts;
    this.#isAmple = false;
    const own = await Promise.all(Object.values(folders).map((folder) => roomOn(folder)));
    const containerds = await Promise.all(host.storage.folders.map((folder) => roomOn(folder, 'functions')));
    this.#isAmple = [...own, ...containerds].every(({ isAmple }) => isAmple);
    const full = Object.keys(folders).filter((_, index) => own[index]?.isFull);
    if (!containerds.some(({ isFull }) => isFull)) return full;
    onContainerdFull();
    return [...full, 'containerd'];
  }

  async #replaceUnread(): Promise<void> {
    const { host, states, wake } = this.#parts;
    for (const { id, namespace, pid } of await shimsOf(host.containerd.address)) {
      const found = states.replica(id);
      if (found?.replica.task !== 'running' || found.fn.namespace !== namespace) continue;
      const task = await host.containerd.namespace(namespace).tasks.get(id);
      if (!(await hasGivenUpReading(pid, task.pid, [task.stdout, task.stderr]))) continue;
      const problem = 'nobody reads the output of a replica since a disk was full, replacing it';
      host.log.warn(problem, { function: fullName(found.fn), replica: id });
      found.replica.becameUnhealthy();
      wake(found.fn);
    }
  }
}
