import { nuid } from '@nats-io/transport-node';
import type { CallSummary, JetstreamCall } from './jetstream-call.ts';
import { JetstreamIndex } from './jetstream-index.ts';
import type { JetstreamStore } from './jetstream-store.ts';

/** Looks through all calls, and queues those anew that run nowhere. */
export class JetstreamLoader {
  readonly #owner: string;
  readonly #taken: ReadonlyMap<string, JetstreamCall>;
  /** What other processes have taken is queued anew at the next look. */
  isAlone = false;

  /** @param taken what this process, `owner`, knows to have taken */
  constructor(owner: string, taken: ReadonlyMap<string, JetstreamCall>) {
    this.#owner = owner;
    this.#taken = taken;
  }

  async load(store: JetstreamStore): Promise<JetstreamIndex> {
    const { isAlone } = this;
    const index = new JetstreamIndex();
    const bodies = new Set<string>();
    const left: CallSummary[] = [];
    // What others change meanwhile is seen by the look that follows their end.
    for await (const call of store.summaries({ withNew: false })) {
      index.change(undefined, call);
      if (isAlone && call.bodyObject) bodies.add(call.bodyObject);
      if (this.isLeft(call, isAlone)) left.push(call);
    }
    for (const call of left) await this.queueAnew(store, index, call);
    if (isAlone) {
      await store.bodies.sweep((bodyObject) => bodies.has(bodyObject));
      this.isAlone = false;
    }
    return index;
  }

  /** Whether a call runs nowhere: we have taken it without our knowing, or another process has and there is none. */
  isLeft({ id, state, owner }: CallSummary, isAlone: boolean): boolean {
    return state === 'running' && (owner === this.#owner ? !this.#taken.has(id) : isAlone);
  }

  async queueAnew(store: JetstreamStore, index: JetstreamIndex, { seq, owner }: CallSummary): Promise<void> {
    const call = await store.readMessage(seq);
    if (!call) return;
    const after: JetstreamCall = { ...call, state: 'queued', dueMs: Date.now(), owner: undefined, change: nuid.next() };
    // We have taken it without our knowing: it was not tried.
    if (owner === this.#owner) after.attempts--;
    index.change(call, { ...after, ...(await store.write(after, call)) });
  }
}
