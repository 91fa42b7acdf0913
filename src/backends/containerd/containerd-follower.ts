import { setTimeout as sleep } from 'node:timers/promises';
import { tryEach } from '../../base/try-each.ts';
import { describeError } from '../../base/log.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import { attempt, beside } from './keep-trying.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { Host } from './replicas/host.ts';
import { observeNamespace } from './replicas/observe.ts';
import { refreshSecrets } from './replicas/start-task.ts';
import type { Sweep } from './sweep.ts';

/** How long a subscription to containerd's events takes to begin; containerd does not say when it has. */
const subscribedMs = 1000;
const namespacesMs = 5000;
const firstPauseMs = 100;
const longestPauseMs = 5000;
/** How often what others did to containerd, and what a crash left, is looked for. */
const lookAroundMs = 5 * 60_000;

export interface ContainerdFollowerOptions {
  host: Host;
  namespaces: FunctionNamespaces;
  store: FunctionStore;
  reconciler: Reconciler;
  sweep: Sweep;
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
    const { store, reconciler } = this.#parts;
    this.#settled ||= this.#adopted && !store.isClosed && reconciler.settledOnce;
    return this.#settled;
  }

  /** Has every function compared again, once there was a first look. */
  lookAgain(): void {
    if (this.#adopted) this.#parts.reconciler.wakeAll();
  }

  /** Connects, adopts and listens; begins again when that breaks. Resolves when the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    every(lookAroundMs, signal, () => {
      this.#parts.reconciler.lookAround();
      void this.#parts.sweep.all();
    });
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      // Ends with the round, and with it whatever the round has begun.
      const round = new AbortController();
      try {
        await this.#follow(AbortSignal.any([signal, round.signal]), () => (pauseMs = firstPauseMs));
      } catch (error) {
        if (signal.aborted) return;
        const problem = `following it failed, will try again; functions run on: ${describeError(error)}`;
        this.#host.parts.set('containerd', problem);
      } finally {
        round.abort();
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Follows containerd until it goes away. */
  async #follow(signal: AbortSignal, onAdopted: () => void): Promise<never> {
    const { containerd, log, parts } = this.#host;
    await containerd.waitReady(signal);
    const { version } = await containerd.version({ signal });
    log.info('connected to containerd', { version });
    const filters = ['topic=="/tasks/exit"', 'topic=="/tasks/oom"'];
    // Subscribed before looking, so that no exit falls between.
    const events = containerd.events.subscribe(filters, { signal });
    await this.#adopt(signal);
    parts.set('containerd', undefined);
    onAdopted();
    const lookAgain = setTimeout(() => this.#parts.reconciler.wakeAll(), subscribedMs);
    signal.addEventListener('abort', () => clearTimeout(lookAgain), { once: true });
    for await (const { event } of events) {
      if (event.type === 'task-oom') this.#parts.reconciler.taskOutOfMemory(event.containerId);
      if (event.type === 'task-exit' && !event.execId) this.#parts.reconciler.taskExited(event.containerId);
    }
    throw new Error('the event stream ended');
  }

  /** Wakes what is wanted and what is there; what fails of it, and what may wait, goes on beside the functions. */
  async #adopt(signal: AbortSignal): Promise<void> {
    const { namespaces, store, reconciler, sweep } = this.#parts;
    // Those that functions are to be in, labelled or not: what runs there is to be found whatever else fails.
    const wanted = store.all().map(({ function: fn }) => fn.namespace);
    const labelled = await namespaces.list();
    // Also what waited for containerd, be it of a function that is gone.
    reconciler.lookAround();
    const { parts } = this.#host;
    await Promise.all([
      beside(() => this.#adoptIn(new Set([...labelled, ...wanted])), { parts, name: 'adoption', signal }),
      beside(() => namespaces.ensure(), { parts, name: 'namespaces', signal }),
      beside(() => this.#host.storage.look(), { parts, name: 'snapshotter', signal }),
    ]);
    // They are in the hands of whoever has containerd's socket, and without their label no function can be deployed.
    every(namespacesMs, signal, () => void attempt(() => namespaces.ensure(), { parts, name: 'namespaces', signal }));
    this.#adopted = true;
    void sweep.all();
  }

  /** Wakes the functions of all that runs in these namespaces, and follows its logs. */
  #adoptIn(namespaces: Iterable<string>): Promise<void> {
    const { containerd, logs } = this.#host;
    return tryEach(namespaces, async (namespace) => {
      const replicas = await observeNamespace(containerd, namespace);
      for (const { function: fn } of replicas) this.#parts.reconciler.wake(fn);
      await tryEach(replicas, async ({ function: fn, id, task }) => {
        if (task?.status !== 'none') await logs.tails.follow({ ...fn, id });
      });
      // An update that ended with the daemon may not have reached what runs.
      await tryEach(replicas, ({ id }) => refreshSecrets(this.#host, { id, namespace }));
    });
  }
}

function every(periodMs: number, signal: AbortSignal, act: () => void): void {
  const timer = setInterval(act, periodMs).unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
