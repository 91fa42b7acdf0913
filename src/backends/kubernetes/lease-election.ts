import type { V1Lease } from '@kubernetes/client-node';
import { monotonicMs } from '../../base/monotonic.ts';
import { takenMsOf, type LeaseBoard } from './lease-board.ts';

/** Name of the Lease whose holder leads. */
export const electionLease = 'berth';

/** How long a Lease counts that is not renewed. */
const durationSeconds = 15;
const renewMs = 5000;
/** Who could not renew it for so long leads no more: well before anybody else may take it. */
const leadingMs = 10_000;

/**
 * Elects one of several berths, as client-go does: by a Lease that its holder renews, and that another takes when it has seen no
 * renewal for as long as the Lease says. What is written names the version that it follows, so that one alone can be first.
 */
export class LeaseElection {
  readonly #board: LeaseBoard;
  readonly #identity: string;
  #isHolder = false;
  /** When the last renewal was sent that was taken, by the monotonic clock. */
  #renewedMs = -Infinity;

  constructor(board: LeaseBoard, identity: string) {
    this.#board = board;
    this.#identity = identity;
  }

  get isLeading(): boolean {
    return this.#isHolder && monotonicMs() - this.#renewedMs < leadingMs;
  }

  /**
   * Renews the Lease, or takes it where it is free. To be called each second or two.
   * @throws KubernetesError
   */
  async step(): Promise<void> {
    if (this.isLeading && monotonicMs() - this.#renewedMs < renewMs) return;
    const lease = this.#board.store.get(electionLease);
    if (lease && !this.#isFree(lease)) {
      this.#isHolder = false;
      return;
    }
    const sentMs = monotonicMs();
    const transitions = lease?.spec?.leaseTransitions ?? 0;
    const isOurs = lease?.spec?.holderIdentity === this.#identity;
    const change = isOurs
      ? { takenMs: takenMsOf(lease), transitions }
      : { transitions: lease ? transitions + 1 : transitions };
    const wasTaken = await this.#board.write(electionLease, { holder: this.#identity, durationSeconds, ...change });
    // Somebody may have changed but the note: the next step is in time.
    if (!wasTaken) return;
    this.#isHolder = true;
    this.#renewedMs = sentMs;
  }

  /**
   * Gives the Lease up where it is held, so that another takes it at once.
   * @throws KubernetesError
   */
  async giveUp(): Promise<void> {
    const wasHolder = this.#isHolder;
    this.#isHolder = false;
    const lease = this.#board.store.get(electionLease);
    if (!wasHolder || lease?.spec?.holderIdentity !== this.#identity) return;
    const { leaseTransitions: transitions } = lease.spec;
    await this.#board.write(electionLease, { durationSeconds: 1, transitions });
  }

  #isFree({ spec }: V1Lease): boolean {
    const { holderIdentity, leaseDurationSeconds = durationSeconds } = spec ?? {};
    if (!holderIdentity || holderIdentity === this.#identity) return true;
    return this.#board.unchangedMs(electionLease) > leaseDurationSeconds * 1000;
  }
}
