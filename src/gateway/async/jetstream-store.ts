import {
  DiscardPolicy,
  jetstream,
  jetstreamManager,
  JetStreamApiCodes,
  JetStreamApiError,
  RetentionPolicy,
  StorageType,
  type JetStreamClient,
  type JetStreamManager,
} from '@nats-io/jetstream';
import { headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import { JetstreamBodies } from './jetstream-bodies.ts';
import { CallChangedError } from './jetstream-errors.ts';
import {
  changeHeader,
  changeNoteOf,
  decodeCall,
  encodeCall,
  summaryHeader,
  summaryOf,
  type CallSummary,
  type ChangeNote,
  type JetstreamCall,
} from './jetstream-call.ts';

const timeout = 5000;
/** Nothing came of a look through all calls for so long: it is given up. */
const silenceMs = 10_000;

/** A call as a message tells of it. */
export interface CallChange {
  call: CallSummary;
  /** What it was; undefined where it is new. */
  before: CallSummary | undefined;
  /** The process that wrote it; undefined where none has said so. */
  by: string | undefined;
}

/** What tells each change, until it is stopped. */
export interface Following {
  stop(): void;
}

/** The records of calls: in a stream that keeps the last message of each subject, a call a subject; and their long bodies. */
export class JetstreamStore {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #name: string;
  readonly #owner: string;
  readonly connection: NatsConnection;
  readonly bodies: JetstreamBodies;

  private constructor(
    { js, jsm, connection }: { js: JetStreamClient; jsm: JetStreamManager; connection: NatsConnection },
    { name, owner, bodies }: { name: string; owner: string; bodies: JetstreamBodies },
  ) {
    this.#js = js;
    this.#jsm = jsm;
    this.connection = connection;
    this.#name = name;
    this.#owner = owner;
    this.bodies = bodies;
  }

  /**
   * Makes the stream and the object store where they are not there; those that are stay as their operator has set them up.
   * @param options.owner the process that writes
   */
  static async open(
    connection: NatsConnection,
    { name, owner }: { name: string; owner: string },
  ): Promise<JetstreamStore> {
    const js = jetstream(connection, { timeout });
    const jsm = await jetstreamManager(connection, { timeout });
    await jsm.streams.info(name).catch(async (error: unknown) => {
      if (!isApiError(error, JetStreamApiCodes.StreamNotFound)) throw error;
      await jsm.streams.add({
        name,
        subjects: [`${name}.*`],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        max_msgs_per_subject: 1,
        discard: DiscardPolicy.New,
        description: 'asynchronous calls of berth',
      });
    });
    const bodies = await JetstreamBodies.open(js, jsm, `${name}-bodies`);
    return new JetstreamStore({ js, jsm, connection }, { name, owner, bodies });
  }

  /**
   * Writes a call in place of the message that it was until now; without `before` there must be none. Resolves with its new
   * message, also where it was written before without our knowing.
   * @throws CallChangedError when another message is there
   */
  async write(call: JetstreamCall, before: CallSummary | undefined): Promise<{ seq: number; wasWritten: boolean }> {
    const subject = this.#subject(call.id);
    const hdrs = headers();
    hdrs.set(summaryHeader, JSON.stringify(summaryOf(call)));
    hdrs.set(changeHeader, JSON.stringify(changeNoteOf(this.#owner, before)));
    try {
      const expect = { lastSubjectSequence: before?.seq ?? 0 };
      const { seq } = await this.#js.publish(subject, encodeCall(call), { headers: hdrs, expect, timeout });
      return { seq, wasWritten: false };
    } catch (error) {
      if (!isApiError(error, JetStreamApiCodes.StreamWrongLastSequence)) throw error;
      const there = await this.read(call.id);
      if (there?.change !== call.change) throw new CallChangedError(call.id, { cause: error });
      return { seq: there.seq, wasWritten: true };
    }
  }

  async read(id: string): Promise<JetstreamCall | undefined> {
    const message = await this.#jsm.streams.getMessage(this.#name, { last_by_subj: this.#subject(id) });
    return message ? decodeCall(message.data, message.seq) : undefined;
  }

  /** Reads a call while this message is its last. */
  async readMessage(seq: number): Promise<JetstreamCall | undefined> {
    const message = await this.#jsm.streams.getMessage(this.#name, { seq });
    return message ? decodeCall(message.data, message.seq) : undefined;
  }

  /** Forgets a call while this message is its last; resolves with whether it was. */
  async forget(seq: number): Promise<boolean> {
    try {
      return await this.#jsm.streams.deleteMessage(this.#name, seq, false);
    } catch (error) {
      if (error instanceof JetStreamApiError) return false;
      throw error;
    }
  }

  /**
   * Looks through all calls, those first that have not changed for longest. One that changes meanwhile comes again, or with
   * `withNew` false is passed over.
   */
  async *summaries({ withNew = true } = {}): AsyncGenerator<CallSummary> {
    const { state } = await this.#jsm.streams.info(this.#name);
    if (state.messages === 0) return;
    const consumer = await this.#js.consumers.get(this.#name, { headers_only: true });
    const messages = await consumer.consume({ max_messages: 1000 });
    const timer = setTimeout(() => messages.stop(), silenceMs);
    try {
      for await (const message of messages) {
        timer.refresh();
        if (!withNew && message.seq > state.last_seq) return;
        const summary = message.headers?.get(summaryHeader);
        // What somebody else has put there is left alone.
        if (summary) yield { ...(JSON.parse(summary) as CallSummary), seq: message.seq };
        if (message.info.pending === 0) return;
      }
      throw new Error('the NATS server stopped telling which calls there are');
    } finally {
      clearTimeout(timer);
      messages.stop();
      await consumer.delete().catch(() => {});
    }
  }

  /**
   * Tells of all calls, and then of each change. Resolves once all there were have been told.
   * @param onLost called where it ends without having been stopped
   */
  async follow(take: (change: CallChange) => void, onLost: () => void): Promise<Following> {
    const consumer = await this.#js.consumers.get(this.#name, { headers_only: true });
    const messages = await consumer.consume({ max_messages: 1000 });
    const caughtUp = Promise.withResolvers<void>();
    let isStopped = false;
    const stop = () => {
      isStopped = true;
      messages.stop();
      void consumer.delete().catch(() => {});
    };
    const silence = setTimeout(() => caughtUp.reject(new Error('the NATS server does not tell of calls')), silenceMs);
    const read = async () => {
      for await (const message of messages) {
        silence.refresh();
        const change = changeOf(message.headers, message.seq);
        if (change && !isStopped) take(change);
        if (message.info.pending === 0) caughtUp.resolve();
      }
    };
    void read()
      .catch(() => {})
      .then(() => {
        caughtUp.reject(new Error('the NATS server stopped telling of calls'));
        if (!isStopped) onLost();
      });
    try {
      const { state } = await this.#jsm.streams.info(this.#name);
      if (state.messages > 0) await caughtUp.promise;
    } catch (error) {
      stop();
      throw error;
    } finally {
      clearTimeout(silence);
      caughtUp.promise.catch(() => {});
    }
    return { stop };
  }

  /** A `.` would part the words of a subject. */
  #subject(id: string): string {
    return `${this.#name}.${id.replaceAll('.', '~')}`;
  }
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}

/** Undefined for what somebody else has put there. */
function changeOf(headers: MsgHdrs | undefined, seq: number): CallChange | undefined {
  const summary = headers?.get(summaryHeader);
  if (!summary) return undefined;
  const call = { ...(JSON.parse(summary) as CallSummary), seq };
  const note = headers?.get(changeHeader);
  const { by, before } = note ? (JSON.parse(note) as ChangeNote) : {};
  // Of a call before only these may have been different.
  return { call, by, before: before && { ...call, isDead: undefined, owner: undefined, ...before } };
}
