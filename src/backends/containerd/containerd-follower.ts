import { setTimeout as sleep } from 'node:timers/promises';
import { describeError } from '../../base/log.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { Host } from './replicas/host.ts';
import { observeNamespace } from './replicas/observe.ts';
import type { Sweep } from './sweep.ts';

/** How long a subscription to containerd's events takes to begin; containerd does not say when it has. */
const subscribedMs = 1000;
const longestPauseMs = 5000;
const sweepMs = 5 * 60_000;

export interface ContainerdFollowerOptions {
  host: Host;
  namespaces: FunctionNamespaces;
  store: FunctionStore;
  reconciler: Reconciler;
  sweep: Sweep;
  /** How often every function is compared again, in case an event was missed, in milliseconds. */
  resyncMs: number;
}

/** Follows containerd through its restarts: adopts what runs, listens to what happens, looks again in time. */
export class ContainerdFollower {
  readonly #parts: ContainerdFollowerOptions;
  readonly #host: Host;
  #adopted = false;
  #settled = false;

  constructor(parts: ContainerdFollowerOptions) {
    this.#parts = parts;
    this.#host = parts.host;
  }

  /** Whether everything there was has been found, and has had one attempt to be what it should be. */
  get settled(): boolean {
    // Once true it stays so: functions deployed later have their own time to become ready.
    this.#settled ||= this.#adopted && this.#parts.reconciler.settledOnce;
    return this.#settled;
  }

  /** Connects, adopts and listens; begins again when that breaks. Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    every(this.#parts.resyncMs, signal, () => this.#parts.reconciler.wakeAll());
    every(sweepMs, signal, () => void this.#parts.sweep.all());
    for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        await this.#host.containerd.waitReady(signal);
        await this.#prepare(signal);
        const listening = this.#listen(signal);
        pauseMs = 100;
        await listening;
      } catch (error) {
        if (signal.aborted) return;
        this.#host.log.warn('following containerd failed, will try again; functions run on', {
          error: describeError(error),
        });
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }

  async #prepare(signal: AbortSignal): Promise<void> {
    const { version } = await this.#host.containerd.version({ signal });
    this.#host.log.info('connected to containerd', { version });
    await this.#parts.namespaces.ensure();
  }

  async #listen(signal: AbortSignal): Promise<never> {
    const filters = ['topic=="/tasks/exit"', 'topic=="/tasks/oom"'];
    // Subscribed before looking, so that no exit falls between.
    const events = this.#host.containerd.events.subscribe(filters, { signal });
    await this.#adopt();
    const lookAgain = setTimeout(() => this.#parts.reconciler.wakeAll(), subscribedMs);
    signal.addEventListener('abort', () => clearTimeout(lookAgain), { once: true });
    for await (const { event } of events) {
      if (event.type === 'task-oom') this.#parts.reconciler.taskOutOfMemory(event.containerId);
      if (event.type === 'task-exit' && !event.execId) this.#parts.reconciler.taskExited(event.containerId);
    }
    throw new Error('the event stream ended');
  }

  /** Wakes what is wanted and what is there, and clears away what belongs to neither. */
  async #adopt(): Promise<void> {
    const namespaces = await this.#parts.namespaces.list();
    const replicas = (
      await Promise.all(namespaces.map((name) => observeNamespace(this.#host.containerd, name)))
    ).flat();
    for (const { function: fn, id, task } of replicas) {
      if (task.status !== 'none') await this.#host.logs.tails.follow({ ...fn, id });
    }
    for (const { function: fn } of [...this.#parts.store.all(), ...replicas]) this.#parts.reconciler.wake(fn);
    this.#adopted = true;
    await this.#parts.sweep.all();
  }
}

function every(periodMs: number, signal: AbortSignal, act: () => void): void {
  const timer = setInterval(act, periodMs).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
