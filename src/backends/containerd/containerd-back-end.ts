import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartHealth } from '../../base/part-health.ts';
import { clearHost } from './clear-host.ts';
import type { ContainerdFollower } from './containerd-follower.ts';
import type { WholeProvider } from './containerd-provider.ts';
import type { Deployments } from './deployments.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { FunctionStore } from './desired/function-store.ts';
import { beside } from './keep-trying.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { ReplicaDiskWatch } from './replica-disk-watch.ts';
import type { Host } from './replicas/host.ts';
import type { Sweep } from './sweep.ts';

/** How long `stop` waits for steps: less than what systemd gives a service to end. */
const longestStopMs = 30_000;

export interface ContainerdBackEndParts {
  provider: WholeProvider;
  host: Host;
  store: FunctionStore;
  reconciler: Reconciler;
  deployments: Deployments;
  sweep: Sweep;
  follower: ContainerdFollower;
  disks: DiskWatch;
  replicaDisks: ReplicaDiskWatch;
}

/** Functions on containerd: what is wanted is on disk, what is there in containerd, and a reconciler is between. */
export class ContainerdBackEnd {
  readonly provider: WholeProvider;
  readonly #parts: ContainerdBackEndParts;
  readonly #stopping = new AbortController();
  #keeping?: Promise<void>;

  constructor(parts: ContainerdBackEndParts) {
    this.provider = parts.provider;
    this.#parts = parts;
  }

  /**
   * Reads what is wanted, then follows containerd in the background; what fails of it is tried again beside the rest.
   * @param othersDone resolves when no daemon before this one has calls in flight
   */
  async start(othersDone = Promise.resolve()): Promise<void> {
    const { host, store, reconciler, follower, disks, replicaDisks } = this.#parts;
    reconciler.othersDone(othersDone);
    await this.#beside('run_dir', () => this.#makeRunFolders());
    await this.#beside('secrets', () => host.secrets.start());
    await this.#beside('functions', () => store.load().finally(() => follower.lookAgain()));
    await this.#beside('logs', () => host.logs.start());
    const { signal } = this.#stopping;
    this.#keeping = host.network.keeper.run(signal);
    host.pool.fillSoon();
    void follower.run(signal);
    void disks.run(signal);
    void replicaDisks.run(signal);
  }

  #beside(name: string, act: () => Promise<void>): Promise<void> {
    return beside(act, { parts: this.#parts.host.parts, name, signal: this.#stopping.signal });
  }

  async #makeRunFolders(): Promise<void> {
    const { replicaFilesDir, replicaSecrets } = this.#parts.host;
    await mkdir(path.dirname(replicaFilesDir), { recursive: true, mode: 0o711 });
    await mkdir(replicaFilesDir, { recursive: true, mode: 0o755 });
    await replicaSecrets.start();
  }

  /** Whether every function has had one attempt to be what it should be since the start. */
  get ready(): boolean {
    return this.#parts.follower.settled;
  }

  /** Whether the reconciler does its work. */
  get isAlive(): boolean {
    return !this.#parts.reconciler.isStuck;
  }

  /** How the host and each part of the daemon are, for log and metrics. */
  get parts(): PartHealth[] {
    const { network, parts } = this.#parts.host;
    return [...network.keeper.parts, ...parts.list()];
  }

  /** The bridge's address, on which functions reach the gateway. */
  get gateway(): string {
    return this.#parts.host.network.gateway;
  }

  /**
   * Instead of `start`, for uninstalling: ends all replicas and takes away what berth has in containerd and in the network.
   * @param options `purge`: images and namespaces of functions too
   * @throws Error naming all that could not be taken away
   */
  async clear(options: { purge: boolean }): Promise<void> {
    const { host } = this.#parts;
    await this.#makeRunFolders();
    await host.logs.start();
    await clearHost(host, options);
  }

  /** Ends the steps under way and the connection to containerd; replicas run on. */
  async stop(): Promise<void> {
    const { host, store, reconciler, sweep, deployments } = this.#parts;
    this.#stopping.abort();
    sweep.stop();
    await Promise.race([
      Promise.all([deployments.stop(), reconciler.stop(), host.pool.stop(), this.#keeping]),
      sleep(longestStopMs, undefined, { ref: false }),
    ]);
    await store.stop();
    await host.logs.stop();
    host.containerd.close();
  }
}
