import { uptime } from 'node:os';
import { monotonicMs } from '../../base/monotonic.ts';
import { processStartTicks, tickMs } from '../../base/process-start.ts';
import type { NamespacedClient } from '../../containerd/index.ts';
import type { Replica } from './reconcile/replica.ts';

/** When the processes of replicas began. Of those older than the daemon containerd says which they are, and the kernel the rest. */
export class OlderProcesses {
  readonly #beganMs = new WeakMap<Replica, number>();

  /** Looks, once for each, at replicas of which the daemon does not know it. What cannot be found stays unknown. */
  async find(client: NamespacedClient, replicas: Iterable<Replica>): Promise<void> {
    const older = [...replicas].filter((replica) => replica.task === 'running' && this.beganMs(replica) === undefined);
    await Promise.all(older.map((replica) => this.#findOne(client, replica).catch(() => {})));
  }

  async #findOne(client: NamespacedClient, replica: Replica): Promise<void> {
    const { pid } = await client.tasks.get(replica.id);
    const ticks = await processStartTicks(pid);
    if (ticks !== undefined) this.#beganMs.set(replica, monotonicMs() - (uptime() * 1000 - ticks * tickMs));
  }

  /** Returns when the process began, by the monotonic clock. */
  beganMs(replica: Replica): number | undefined {
    return replica.startedAtMs ?? this.#beganMs.get(replica);
  }
}
