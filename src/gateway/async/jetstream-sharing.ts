import { setTimeout as sleep } from 'node:timers/promises';
import { nuid, type NatsConnection } from '@nats-io/transport-node';
import type { Log } from '../../base/log.ts';
import { parseJson } from '../../base/parse-json.ts';
import type { CallSummary } from './jetstream-call.ts';
import { CallChangedError } from './jetstream-errors.ts';
import { JetstreamIndex } from './jetstream-index.ts';
import type { JetstreamLoader } from './jetstream-loader.ts';
import type { JetstreamSession } from './jetstream-session.ts';
import type { CallChange, Following, JetstreamStore } from './jetstream-store.ts';
import type { JetstreamWriter } from './jetstream-writer.ts';

export interface JetstreamSharingOptions {
  /** The name of the stream. */
  name: string;
  /** This process, among those that share the queue. */
  owner: string;
  session: JetstreamSession;
  loader: JetstreamLoader;
  writer: JetstreamWriter;
  /** Called when there may be something to take. */
  onQueued: () => void;
  log: Log;
}

/** How often those are asked that run calls, and how often they say nothing until they are gone. */
const [askMs, mostSilence] = [2000, 3];
const answerMs = 1000;

/**
 * What several processes with one queue do beside each other: each follows what the others change, answers that it is there, and
 * queues anew what one has taken that is gone.
 */
export class JetstreamSharing {
  readonly #options: JetstreamSharingOptions;
  #following?: Following;
  /** Where we answer others. */
  #presentAt?: NatsConnection;
  /** How often each has said nothing. */
  readonly #silent = new Map<string, number>();

  constructor(options: JetstreamSharingOptions) {
    this.#options = options;
  }

  /** Looks through all calls, and from then on keeps what is known of them as others change it. */
  async load(store: JetstreamStore): Promise<JetstreamIndex> {
    this.#following?.stop();
    this.#answer(store.connection);
    const { owner, session, loader } = this.#options;
    const index = new JetstreamIndex();
    const left: CallSummary[] = [];
    /** Messages that were counted while all were looked through. */
    let counted: Set<number> | undefined = new Set();
    const take = ({ call, before, by }: CallChange) => {
      // What was changed meanwhile comes anew, be it counted by then or not.
      if (counted) index.change(before && counted.has(before.seq) ? before : undefined, call, 'others');
      else if (by !== owner) this.#takeChange(index, before, call);
      counted?.add(call.seq);
      if (counted && loader.isLeft(call, false)) left.push(call);
    };
    this.#following = await store.follow(take, () => session.reload());
    counted = undefined;
    for (const call of left) await loader.queueAnew(store, index, call);
    return index;
  }

  /** Tells the others what was forgotten, which no message does. */
  forgot(store: JetstreamStore, call: CallSummary): void {
    store.connection.publish(this.#forgotten, JSON.stringify({ call, by: this.#options.owner }));
  }

  /** Looks after the calls of processes that are gone, until the queue is closed. */
  async watch(): Promise<void> {
    const { session, log } = this.#options;
    while (!session.isClosed) {
      await this.#look().catch((error: unknown) => log.debug('who runs calls could not be asked', { error }));
      await sleep(askMs, undefined, { ref: false });
    }
    this.#following?.stop();
  }

  #takeChange(index: JetstreamIndex, before: CallSummary | undefined, call: CallSummary): void {
    index.change(before, call, 'others');
    if (call.state === 'queued') this.#options.onQueued();
  }

  #answer(connection: NatsConnection): void {
    if (this.#presentAt === connection) return;
    this.#presentAt = connection;
    const { owner, session } = this.#options;
    connection.subscribe(this.#subject(owner), { callback: (_error, message) => void message.respond() });
    connection.subscribe(this.#forgotten, {
      callback: (_error, message) => {
        const told = parseJson(message.string()) as { call?: CallSummary; by?: string } | undefined;
        if (told?.call && told.by !== owner) session.index.change(told.call, undefined, 'others');
      },
    });
  }

  async #look(): Promise<void> {
    const { owner: own, session, log } = this.#options;
    const owners = new Set(session.index.running.values());
    owners.delete(own);
    for (const owner of this.#silent.keys()) if (!owners.has(owner)) this.#silent.delete(owner);
    if (owners.size === 0) return;
    const { connection } = await session.reached();
    for (const owner of owners) {
      const isThere = await connection.request(this.#subject(owner), '', { timeout: answerMs }).then(
        () => true,
        () => false,
      );
      const silence = isThere ? 0 : (this.#silent.get(owner) ?? 0) + 1;
      this.#silent.set(owner, silence);
      if (silence < mostSilence) continue;
      log.info('asynchronous calls of a berth that is gone are made again', { owner });
      await this.#queueAnew(owner);
    }
  }

  async #queueAnew(owner: string): Promise<void> {
    const { session, writer, onQueued } = this.#options;
    const seqs = [...session.index.running].flatMap(([seq, by]) => (by === owner ? seq : []));
    for (const seq of seqs)
      await session
        .step(async ({ store }) => {
          const call = await store.readMessage(seq);
          if (call?.state !== 'running') return;
          const anew = { owner: undefined, dueMs: Date.now(), change: nuid.next() };
          await writer.write(store, call, { ...call, state: 'queued', ...anew });
        })
        .catch((error: unknown) => {
          // Another one looks after them too.
          if (!(error instanceof CallChangedError)) throw error;
        });
    onQueued();
  }

  #subject(owner: string): string {
    return `${this.#options.name}-owner.${owner}`;
  }

  get #forgotten(): string {
    return `${this.#options.name}-forgotten`;
  }
}
