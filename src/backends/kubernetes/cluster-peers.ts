import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Lease } from '@kubernetes/client-node';
import { describeError, type Log } from '../../base/log.ts';
import { monotonicMs } from '../../base/monotonic.ts';
import type { FunctionLoad, Peers } from '../../provider/index.ts';
import { ownSelector } from './cluster-labels.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { LeaseBoard } from './lease-board.ts';
import { electionLease, LeaseElection } from './lease-election.ts';
import { KindFollower } from './list-watch.ts';
import { nameOf } from './object-store.ts';
import { readLoads, writeLoads } from './told-loads.ts';

const [trafficAnnotation, noteAnnotation] = ['berth/traffic', 'berth/note'];
const stepMs = 1000;
/** What is told is written so often at most; and so often at least, so that it counts on. */
const [tellMs, tellAgainMs] = [2000, 5000];
/** What was told longer ago counts no more. */
const freshMs = 15_000;
/** The Lease of a berth that tells nothing for so long is removed. */
const goneMs = 60_000;
/** How often it is tried again where the cluster does not let us. */
const forbiddenMs = 60_000;
const mostTries = 10;

const withoutRight =
  'berth may not use Leases, and scales as the only one: with more than one berth grant its service account get, list, watch, create, update, patch and delete on leases of coordination.k8s.io in the namespace of functions';

/** The other berths in front of a cluster: Leases elect who scales, and tell what each measures. */
export class ClusterPeers implements Peers {
  readonly #client: KubernetesClient;
  readonly #board: LeaseBoard;
  readonly #log: Log;
  readonly #identity = identityOf(hostname());
  readonly #election: LeaseElection;
  readonly #heard = new Map<string, FunctionLoad[]>();
  #loads: FunctionLoad[] = [];
  #written = { text: '[]', atMs: -Infinity };
  /** The cluster lets us have no Leases. */
  #isAlone = false;
  #ownNote = '';
  #problem?: string;

  /** @param namespace where the Leases are: all berths in front of a cluster have the same */
  constructor({ client, namespace, log }: { client: KubernetesClient; namespace: string; log: Log }) {
    this.#client = client;
    this.#board = new LeaseBoard(client, namespace);
    this.#log = log;
    this.#election = new LeaseElection(this.#board, this.#identity);
    this.#board.store.onChange(({ group, now }) => {
      if (!now) this.#heard.delete(group);
      else if (this.#isOther(now))
        this.#heard.set(group, readLoads(now.metadata?.annotations?.[trafficAnnotation] ?? ''));
    });
  }

  get isLeading(): boolean {
    return this.#isAlone || this.#election.isLeading;
  }

  tell(loads: FunctionLoad[]): void {
    this.#loads = loads;
  }

  others(): FunctionLoad[] {
    return [...this.#heard].flatMap(([name, loads]) => (this.#board.unchangedMs(name) < freshMs ? loads : []));
  }

  get note(): string {
    return this.#isAlone ? this.#ownNote : noteOf(this.#board.store.get(electionLease));
  }

  async changeNote(next: (note: string) => string): Promise<void> {
    for (let tries = 0; !this.#isAlone && tries < mostTries; tries++) {
      const lease = this.#board.store.get(electionLease);
      const annotations = { [noteAnnotation]: next(noteOf(lease)) };
      if (await this.#board.annotate(electionLease, annotations, lease)) return;
    }
    if (!this.#isAlone)
      throw new Error('other berths change what alerts have added all the time: send the alert again');
    this.#ownNote = next(this.#ownNote);
  }

  async run(signal: AbortSignal): Promise<void> {
    const following = new AbortController();
    let follower: KindFollower<V1Lease> | undefined;
    while (!signal.aborted) {
      try {
        follower ??= await this.#follow(following.signal);
        await this.#election.step();
        await (this.isLeading ? this.#removeGone() : this.#write());
        this.#well();
      } catch (error) {
        this.#failed(error);
      }
      const pauseMs = this.#isAlone ? forbiddenMs : stepMs * (0.8 + Math.random() * 0.4);
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {});
    }
    await this.#leave().catch((error: unknown) => this.#log.warn('another berth scales only after a while', { error }));
    following.abort();
  }

  /** Follows the Leases from now on; rejects where that is not allowed, which it would only say each few seconds. */
  async #follow(signal: AbortSignal): Promise<KindFollower<V1Lease>> {
    const source = this.#client.leases(this.#board.namespace, ownSelector);
    await source.list();
    const follower = new KindFollower(source, this.#board.store, { signal, log: this.#log });
    await follower.listed;
    return follower;
  }

  /** Writes what is told where it has changed, or counts no more before long. Who leads needs to tell nobody. */
  async #write(): Promise<void> {
    const sinceMs = monotonicMs() - this.#written.atMs;
    if (this.#loads.length === 0 || sinceMs < tellMs) return;
    const text = writeLoads(this.#loads);
    if (text === this.#written.text && sinceMs < tellAgainMs) return;
    const atMs = monotonicMs();
    const change = {
      holder: this.#identity,
      durationSeconds: freshMs / 1000,
      annotations: { [trafficAnnotation]: text },
    };
    if (await this.#board.write(this.#ownLease, change)) this.#written = { text, atMs };
  }

  async #removeGone(): Promise<void> {
    const others = this.#board.store.all().filter((lease) => this.#isOther(lease));
    for (const lease of others) if (this.#board.unchangedMs(nameOf(lease)) > goneMs) await this.#board.remove(lease);
  }

  async #leave(): Promise<void> {
    if (this.#isAlone) return;
    await this.#election.giveUp();
    const own = this.#board.store.get(this.#ownLease);
    if (own) await this.#board.remove(own);
  }

  get #ownLease(): string {
    return `${electionLease}-${this.#identity}`;
  }

  #isOther(lease: V1Lease): boolean {
    return ![electionLease, this.#ownLease].includes(nameOf(lease));
  }

  #well(): void {
    if (this.#problem !== undefined) this.#log.info('Leases can be used again');
    this.#problem = undefined;
    this.#isAlone = false;
  }

  #failed(error: unknown): void {
    const isForbidden = error instanceof KubernetesError && error.isForbidden;
    if (isForbidden && !this.#isAlone) this.#ownNote = this.note;
    this.#isAlone = isForbidden;
    const said = isForbidden ? withoutRight : 'Leases cannot be used now: another berth may scale until they can';
    if (this.#problem !== said) this.#log.warn(said, { namespace: this.#board.namespace, error: describeError(error) });
    this.#problem = said;
  }
}

function noteOf(lease: V1Lease | undefined): string {
  return lease?.metadata?.annotations?.[noteAnnotation] ?? '';
}

/** Makes a name that no other process has, and that a Lease may have as a part of its own. */
function identityOf(host: string): string {
  const name = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  return `${name}-${randomBytes(4).toString('hex')}`.replace(/^-+/, '');
}
