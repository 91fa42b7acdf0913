import { fullName, type FullName, type FunctionName } from '../../../provider/index.ts';
import { FunctionState, type ReplicaState } from './function-state.ts';

/** What the daemon knows of every function that is wanted or still has replicas. */
export class FunctionStates {
  readonly #states = new Map<FullName, FunctionState>();

  all(): FunctionState[] {
    return [...this.#states.values()];
  }

  get(fn: FunctionName): FunctionState | undefined {
    return this.#states.get(fullName(fn));
  }

  /** The state of a function, a new one where there is none. */
  of(fn: FunctionName): FunctionState {
    const key = fullName(fn);
    let state = this.#states.get(key);
    if (!state) this.#states.set(key, (state = new FunctionState(fn)));
    return state;
  }

  forget(fn: FunctionName): void {
    this.#states.delete(fullName(fn));
  }

  /** The replica with this id, and the state of its function. */
  replica(id: string): { state: FunctionState; replica: ReplicaState } | undefined {
    for (const state of this.#states.values()) {
      const replica = state.replicas.get(id);
      if (replica) return { state, replica };
    }
    return undefined;
  }

  /** Ids of the replicas that are there or being made. */
  replicaIds(): string[] {
    const replicas = this.all().flatMap((state) => [...state.replicas.values()]);
    return replicas.filter(({ created, busy }) => created || busy).map(({ id }) => id);
  }
}
