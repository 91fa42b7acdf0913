import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import { KubernetesError } from './kubernetes-error.ts';
import type { ClusterObject, ObjectStore } from './object-store.ts';

export interface WatchEvent<T> {
  type: string;
  object: T;
}

/** How one kind of objects is listed and watched. */
export interface KindSource<T> {
  /** What it is, for the log: `pods of openfaas-fn`. */
  what: string;
  list(): Promise<{ items: T[]; version: string }>;
  /** Resolves when the watch ends as it does now and then, and rejects with a KubernetesError when it breaks. */
  watch(version: string, onEvent: (event: WatchEvent<T>) => void, signal: AbortSignal): Promise<void>;
}

/** Pauses between tries, in milliseconds; chance keeps many from coming at once. */
const [firstPauseMs, longestPauseMs] = [200, 5000];
/** A watch that has lasted so long stands. */
const steadyMs = 1000;

/**
 * Keeps a store as the cluster is, until the signal aborts: lists, watches from there, goes on from the last version when the
 * watch breaks, and lists anew when that has expired. While the API server is away the store stays as it was.
 */
export class KindFollower<T extends ClusterObject> {
  /** Resolves when the kind was listed for the first time, or the cluster does not let us. */
  readonly listed: Promise<void>;
  readonly #source: KindSource<T>;
  readonly #store: ObjectStore<T>;
  readonly #signal: AbortSignal;
  readonly #log: Log;
  readonly #nowListed: () => void;
  #version?: string;
  #failures = 0;
  #problem?: string;

  constructor(source: KindSource<T>, store: ObjectStore<T>, { signal, log }: { signal: AbortSignal; log: Log }) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.listed = promise;
    this.#nowListed = resolve;
    this.#source = source;
    this.#store = store;
    this.#signal = signal;
    this.#log = log;
    void this.#run();
  }

  /** Why the kind cannot be followed; undefined while it can. */
  get problem(): string | undefined {
    return this.#problem;
  }

  async #run(): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        const beganMs = monotonicMs();
        await this.#turn();
        // One that ends at once each time is not to be asked for without end.
        if (monotonicMs() - beganMs < steadyMs) await pause(1, this.#signal);
      } catch (error) {
        this.#failed(error);
        await pause(this.#failures, this.#signal);
      }
    }
  }

  async #turn(): Promise<void> {
    this.#version ??= await this.#list();
    const steady = setTimeout(() => this.#well(), steadyMs);
    try {
      await this.#source.watch(this.#version, (event) => this.#take(event), this.#signal);
    } finally {
      clearTimeout(steady);
    }
  }

  async #list(): Promise<string> {
    const { items, version } = await this.#source.list();
    this.#store.replace(items);
    this.#nowListed();
    return version;
  }

  #take({ type, object }: WatchEvent<T>): void {
    this.#well();
    this.#version = object.metadata?.resourceVersion ?? this.#version;
    if (type === 'DELETED') this.#store.remove(object);
    else if (type !== 'BOOKMARK') this.#store.put(object);
  }

  #well(): void {
    this.#failures = 0;
    if (this.#problem !== undefined) this.#log.info(`${this.#source.what} can be followed again`);
    this.#problem = undefined;
  }

  #failed(error: unknown): void {
    if (this.#signal.aborted) return;
    if (error instanceof KubernetesError && error.isExpired) {
      // It answers: nothing keeps us from listing anew.
      this.#version = undefined;
      this.#failures = 1;
      return;
    }
    if (error instanceof KubernetesError && error.isForbidden) this.#nowListed();
    this.#failures += 1;
    // Once is what happens to every connection now and then; that nothing was ever listed keeps berth from being ready.
    if (this.#failures === 1 && this.#version !== undefined) return;
    if (this.#problem === undefined) this.#log.warn(`${this.#source.what} cannot be followed: trying again`, { error });
    this.#problem = error instanceof Error ? error.message : String(error);
  }
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
  // It holds the process: where the cluster cannot be reached nothing else does.
  await sleep(ms, undefined, { signal }).catch(() => {});
}
