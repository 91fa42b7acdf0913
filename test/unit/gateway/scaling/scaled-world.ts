import { Registry } from '@prometheus-io/client';
import { AlertHolds } from '../../../../src/gateway/scaling/alert-holds.ts';
import { Autoscaler } from '../../../../src/gateway/scaling/autoscaler.ts';
import { Invocations, type Invocation } from '../../../../src/gateway/metrics/invocations.ts';
import { createLog, type Log } from '../../../../src/base/log.ts';
import type { EventFeed, FunctionLoad, Peers } from '../../../../src/provider/index.ts';
import { CountingProvider } from '../counting-provider.ts';

export const env = { name: 'env', namespace: 'openfaas-fn' };

/** An autoscaler whose clock is the test's: a second passes when the test says so. */
export class ScaledWorld {
  readonly provider = new CountingProvider();
  readonly registry = new Registry();
  readonly lines: string[] = [];
  readonly log: Log = createLog({ level: 'info', journal: true, write: (line) => this.lines.push(line) });
  readonly invocations: Invocations;
  readonly holds = new AlertHolds();
  /** Asynchronous calls that have not ended. */
  pending = 0;
  /** Where the back end tells what happens, from the next `restart` on. */
  events?: EventFeed;
  #nowMs = 1_000_000;
  #autoscaler: Autoscaler;

  constructor() {
    this.invocations = new Invocations(this.registry, () => this.#nowMs);
    this.#autoscaler = this.#start();
  }

  /** A look each second, after so many calls within it. */
  async pass(seconds: number, { rps = 0 }: { rps?: number } = {}): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      for (let call = 0; call < rps; call += 1) this.invocations.begin(env).end(200);
      this.#nowMs += 1000;
      await this.#autoscaler.look();
    }
  }

  /** A chance to look each second, as the daemon has it. */
  async passAsRun(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.#nowMs += 1000;
      await this.#autoscaler.lookIfDue();
    }
  }

  /** Calls that stay in flight. */
  begin(calls: number): Invocation[] {
    return Array.from({ length: calls }, () => this.invocations.begin(env));
  }

  /** A new autoscaler, as after a restart. */
  restart(): void {
    this.#autoscaler = this.#start();
  }

  /** A second gateway stands beside this one from now on. */
  meet(peers: Peers): void {
    this.provider.peers = peers;
    this.restart();
  }

  get replicas(): number | undefined {
    return this.provider.functions.get('env.openfaas-fn')?.replicas;
  }

  #start(): Autoscaler {
    const { provider, invocations, holds, events, log } = this;
    return new Autoscaler({
      provider,
      invocations,
      holds,
      defaultNamespace: 'openfaas-fn',
      events,
      log,
      pending: () => this.pending,
      nowMs: () => this.#nowMs,
    });
  }
}

/** Labels of the names `com.openfaas.scale.NAME`. */
export function scale(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [`com.openfaas.scale.${name}`, value]));
}

/** What a gateway knows of one beside it, as the test says. */
export class TestPeers implements Peers {
  isLeading = false;
  note = '';
  told: FunctionLoad[] = [];
  heard: FunctionLoad[] = [];

  run() {
    return Promise.resolve();
  }

  tell(loads: FunctionLoad[]): void {
    this.told = loads;
  }

  others(): FunctionLoad[] {
    return this.heard;
  }

  changeNote(next: (note: string) => string): Promise<void> {
    this.note = next(this.note);
    return Promise.resolve();
  }
}
