import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { fullName, workloadOf } from '../../provider/index.ts';
import type { FunctionStore } from './desired/function-store.ts';
import { wantedGeneration } from './desired/record.ts';
import type { FunctionState } from './reconcile/function-state.ts';
import type { FunctionStates } from './reconcile/function-states.ts';
import type { Replica } from './reconcile/replica.ts';
import { diskUsage } from './replicas/disk-usage.ts';
import type { Host } from './replicas/host.ts';

/** How often each replica is looked at while the disk fills, if that is cheap. */
const roundMs = 5000;
/** How often while nothing more is taken of it. */
const quietRoundMs = 60_000;
/** Growth of the disk below which it counts as quiet. */
const quietBytes = 1024 * 1024;
const quietInodes = 1000;
/** Counting a replica's files is followed by a rest of so many times what it took. */
const restFactor = 10;
/** Where nothing else is set: more than a function should need, and at most half of a small disk. */
const defaultLimitBytes = 10 * 1024 ** 3;
/** A replica has as large a share of the disk's inodes as of its bytes, but no fewer than this. */
const leastInodes = 10_000;

export interface ReplicaDiskWatchOptions {
  host: Host;
  store: FunctionStore;
  states: FunctionStates;
  /** Asks for another pass over a function. */
  wake: (fn: FunctionState['fn']) => void;
  /** Bytes that a replica may take, 0 for any; unset for 10 GiB, or half of the disk where that is less. */
  limitBytes?: number;
}

/** The disk that replicas' file systems are on. */
interface Disk {
  bytes: number;
  usedBytes: number;
  /** 0 where the file system has no bound. */
  inodes: number;
  usedInodes: number;
}

/** Ends and replaces replicas whose root file system has grown beyond what it may take: one replica at a time, in turn. */
export class ReplicaDiskWatch {
  readonly #parts: ReplicaDiskWatchOptions;
  #hurries = Promise.withResolvers<void>();
  #lastRound?: { atMs: number; disk: Disk };

  constructor(parts: ReplicaDiskWatchOptions) {
    this.#parts = parts;
  }

  /** Has every replica looked at without a rest, as the disk is full. */
  hurry(): void {
    this.#hurries.resolve();
  }

  /** Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const running = this.#parts.states.running();
      const pauseMs = roundMs / (running.length + 1);
      const disk = await this.#diskToLookAt();
      for (const { state, replica } of disk ? running : []) {
        const beganMs = monotonicMs();
        if (disk && !signal.aborted) await this.#look(state, replica, disk);
        await this.#rest(Math.max(pauseMs, (monotonicMs() - beganMs) * restFactor), signal);
      }
      // One hurry is for one round.
      this.#hurries = Promise.withResolvers();
      await this.#rest(disk ? pauseMs : roundMs, signal);
    }
  }

  async #rest(ms: number, signal: AbortSignal): Promise<void> {
    const slept = sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
    await Promise.race([slept, this.#hurries.promise]);
  }

  /** Begins a round, unless too little has been written for one; returns the disk as it is. */
  async #diskToLookAt(): Promise<Disk | undefined> {
    const [nowMs, last] = [monotonicMs(), this.#lastRound];
    const disk = await diskOf(this.#parts.host.storage.folders.at(-1));
    if (!disk) return undefined;
    const isQuiet =
      last && disk.usedBytes < last.disk.usedBytes + quietBytes && disk.usedInodes < last.disk.usedInodes + quietInodes;
    const isDue = !isQuiet || nowMs >= last.atMs + quietRoundMs;
    // What was given back meanwhile may be taken again, and counts as growth then.
    const isLess = last && disk.usedBytes < last.disk.usedBytes;
    if (isDue || isLess) this.#lastRound = { atMs: isDue ? nowMs : last.atMs, disk };
    return isDue ? disk : undefined;
  }

  async #look(state: FunctionState, replica: Replica, disk: Disk): Promise<void> {
    const { host } = this.#parts;
    const limitBytes = this.#limitOf(state, replica, disk);
    if (limitBytes === Infinity || replica.task !== 'running') return;
    const limitInodes = disk.inodes > 0 ? Math.max(leastInodes, (limitBytes / disk.bytes) * disk.inodes) : Infinity;
    try {
      const { bytes, inodes } = await diskUsage(host.containerd.namespace(state.fn.namespace), replica.id);
      if (bytes > limitBytes) this.#condemn(state, replica, `it took more than ${amount(limitBytes)} of disk`);
      else if (inodes > limitInodes)
        this.#condemn(state, replica, `it made more than ${Math.floor(limitInodes)} files`);
    } catch (error) {
      // It may have gone meanwhile.
      const said = { function: fullName(state.fn), replica: replica.id, error: describeError(error) };
      host.log.debug('could not count what a replica takes of the disk', said);
    }
  }

  #limitOf({ fn }: FunctionState, { generation }: Replica, disk: Disk): number {
    const record = this.#parts.store.get(fn);
    const deployment = record && wantedGeneration(record, generation)?.deployment;
    const ownBytes = deployment && workloadOf(deployment).diskLimitBytes;
    if (ownBytes !== undefined) return ownBytes;
    const { limitBytes } = this.#parts;
    return limitBytes === undefined ? Math.min(defaultLimitBytes, disk.bytes / 2) : limitBytes || Infinity;
  }

  #condemn(state: FunctionState, replica: Replica, what: string): void {
    const { host, wake } = this.#parts;
    const nowMs = monotonicMs();
    if (replica.task !== 'running' || replica.view(nowMs).condemned) return;
    const reason = `its process was killed: ${what}, raise com.openfaas.berth.disk-limit`;
    host.log.warn('replica took too much disk, replacing it', {
      function: fullName(state.fn),
      replica: replica.id,
      reason,
    });
    host.events.tell({ ...state.fn, replica: replica.id, kind: 'replica-exited', severity: 'error', text: reason });
    state.ends.restarts += 1;
    state.generation(replica.generation).condemned(reason, replica.condemned(nowMs), nowMs);
    wake(state.fn);
  }
}

async function diskOf(folder: string | undefined): Promise<Disk | undefined> {
  const stats = folder === undefined ? undefined : await statfs(folder).catch(() => undefined);
  if (!stats) return undefined;
  const { bsize, blocks, bfree, files, ffree } = stats;
  return { bytes: blocks * bsize, usedBytes: (blocks - bfree) * bsize, inodes: files, usedInodes: files - ffree };
}

/** Writes bytes as one would write the limit, such as `16Mi`. */
function amount(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10}${units[power]}`;
}
