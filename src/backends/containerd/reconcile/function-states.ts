import { fullName, type FullName, type FunctionName } from '../../../provider/index.ts';
import type { Timing } from '../timing.ts';
import { FunctionState } from './function-state.ts';
import type { Replica } from './replica.ts';

/** What the daemon knows of every function that is wanted or still has replicas. */
export class FunctionStates {
  readonly #timing: Timing;
  readonly #states = new Map<FullName, FunctionState>();

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  get(fn: FunctionName): FunctionState | undefined {
    return this.#states.get(fullName(fn));
  }

  /** Returns the state of a function, a new one where there is none. */
  of(fn: FunctionName): FunctionState {
    const key = fullName(fn);
    let state = this.#states.get(key);
    if (!state) this.#states.set(key, (state = new FunctionState(fn, this.#timing)));
    return state;
  }

  /** The function is neither wanted nor there any more. */
  forget(fn: FunctionName): void {
    this.#states.delete(fullName(fn));
  }

  /** Returns the replica with this id, and its function. */
  replica(id: string): { fn: FunctionName; replica: Replica } | undefined {
    for (const { fn, replicas } of this.#states.values()) {
      const replica = replicas.get(id);
      if (replica) return { fn, replica };
    }
    return undefined;
  }

  all(): FunctionState[] {
    return [...this.#states.values()];
  }

  /** Lists the replicas whose process runs, with their functions. */
  running(): { state: FunctionState; replica: Replica }[] {
    const all = this.all().flatMap((state) => [...state.replicas.values()].map((replica) => ({ state, replica })));
    return all.filter(({ replica }) => replica.task === 'running');
  }

  /**
   * Returns the ids of replicas that are there or being made.
   * @param namespace that they are in; all namespaces unless given
   */
  replicaIds(namespace?: string): string[] {
    const states = [...this.#states.values()].filter(({ fn }) => !namespace || fn.namespace === namespace);
    const replicas = states.flatMap((state) => [...state.replicas.values()]);
    return replicas.filter(({ isThere }) => isThere).map(({ id }) => id);
  }
}
