import { setTimeout as sleep } from 'node:timers/promises';
import type { PartHealth } from '../../base/part-health.ts';
import type { Provider } from '../../provider/index.ts';
import type { FunctionWatch } from './function-watch.ts';

/** How long a start waits for the cluster, in milliseconds: what is served before may know nothing yet. */
const longestStartMs = 10_000;

/** Functions on a cluster: what is wanted and what is there are both in it, and what is known of it is watched. */
export class KubernetesBackEnd {
  readonly provider: Provider;
  readonly isAlive = true;
  readonly #watch: FunctionWatch;
  readonly #prepare: () => Promise<void>;
  #isReady = false;

  constructor(parts: { provider: Provider; watch: FunctionWatch; prepare: () => Promise<void> }) {
    this.provider = parts.provider;
    this.#watch = parts.watch;
    this.#prepare = parts.prepare;
  }

  /** Whether all that there is in the cluster has been listed since the start. */
  get ready(): boolean {
    return this.#isReady;
  }

  get parts(): PartHealth[] {
    const [problem] = this.#watch.problems();
    return [{ name: 'cluster', healthy: problem === undefined, problem }];
  }

  /** Follows the cluster; resolves when all is known that there is, or after a while where the cluster is away. */
  async start(): Promise<void> {
    await Promise.race([this.#follow(), sleep(longestStartMs, undefined, { ref: false })]);
  }

  async #follow(): Promise<void> {
    await this.#watch.start();
    await this.#prepare();
    this.#isReady = true;
  }

  /** Ends what is under way; functions run on. */
  stop(): Promise<void> {
    this.#watch.stop();
    return Promise.resolve();
  }
}
