import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PartHealth } from '../../base/part-health.ts';
import type { Provider } from '../../provider/index.ts';
import type { ContainerdFollower } from './containerd-follower.ts';
import type { DiskWatch } from './disk-watch.ts';
import type { FunctionStore } from './desired/function-store.ts';
import type { Reconciler } from './reconcile/reconciler.ts';
import type { Host } from './replicas/host.ts';
import type { Sweep } from './sweep.ts';

/** How long `stop` waits for steps: less than what systemd gives a service to end. */
const longestStopMs = 30_000;

export interface ContainerdBackEndParts {
  provider: Required<Provider>;
  host: Host;
  store: FunctionStore;
  reconciler: Reconciler;
  sweep: Sweep;
  follower: ContainerdFollower;
  disks: DiskWatch;
}

/** Functions on containerd: what is wanted is on disk, what is there in containerd, and a reconciler is between. */
export class ContainerdBackEnd {
  readonly provider: Required<Provider>;
  readonly #parts: ContainerdBackEndParts;
  readonly #stopping = new AbortController();

  constructor(parts: ContainerdBackEndParts) {
    this.provider = parts.provider;
    this.#parts = parts;
  }

  /** Reads what is wanted, then follows containerd in the background: waits for it, adopts, reconciles. */
  async start(): Promise<void> {
    const { host, store, follower, disks } = this.#parts;
    await mkdir(host.replicaFilesDir, { recursive: true, mode: 0o755 });
    await host.secrets.start();
    await host.replicaSecrets.start();
    await store.load();
    await host.logs.start();
    void host.network.keeper.run(this.#stopping.signal);
    void follower.run(this.#stopping.signal);
    void disks.run(this.#stopping.signal);
  }

  /** Whether every function has had one attempt to be what it should be since the start. */
  get ready(): boolean {
    return this.#parts.follower.settled;
  }

  /** How the host and each part of the daemon are, for log and metrics. */
  get parts(): PartHealth[] {
    const { network, parts } = this.#parts.host;
    return [...network.keeper.parts, ...parts.list()];
  }

  /** Ends the steps under way and the connection to containerd; replicas run on. */
  async stop(): Promise<void> {
    const { host, store, reconciler, sweep } = this.#parts;
    this.#stopping.abort();
    sweep.stop();
    await Promise.race([reconciler.stop(), sleep(longestStopMs, undefined, { ref: false })]);
    await store.stop();
    await host.logs.stop();
    host.containerd.close();
  }
}
