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
import { headers, type NatsConnection } from '@nats-io/transport-node';
import { JetstreamBodies } from './jetstream-bodies.ts';
import { CallChangedError } from './jetstream-errors.ts';
import {
  decodeCall,
  encodeCall,
  summaryHeader,
  summaryOf,
  type CallSummary,
  type JetstreamCall,
} from './jetstream-call.ts';

const timeout = 5000;
/** Nothing came of a look through all calls for so long: it is given up. */
const silenceMs = 10_000;

/** The records of calls: in a stream that keeps the last message of each subject, a call a subject; and their long bodies. */
export class JetstreamStore {
  readonly #js: JetStreamClient;
  readonly #jsm: JetStreamManager;
  readonly #name: string;
  readonly bodies: JetstreamBodies;

  private constructor(js: JetStreamClient, jsm: JetStreamManager, name: string, bodies: JetstreamBodies) {
    this.#js = js;
    this.#jsm = jsm;
    this.#name = name;
    this.bodies = bodies;
  }

  /** Makes the stream and the object store where they are not there; those that are stay as their operator has set them up. */
  static async open(connection: NatsConnection, name: string): Promise<JetstreamStore> {
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
    return new JetstreamStore(js, jsm, name, await JetstreamBodies.open(js, jsm, `${name}-bodies`));
  }

  /**
   * Writes a call in place of the message that it was until now; `before` 0: there must be none. Resolves with its new message,
   * also where it was written before without our knowing.
   * @throws CallChangedError when another message is there
   */
  async write(call: JetstreamCall, before: number): Promise<{ seq: number; wasWritten: boolean }> {
    const subject = this.#subject(call.id);
    const hdrs = headers();
    hdrs.set(summaryHeader, JSON.stringify(summaryOf(call)));
    try {
      const expect = { lastSubjectSequence: before };
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

  /** A `.` would part the words of a subject. */
  #subject(id: string): string {
    return `${this.#name}.${id.replaceAll('.', '~')}`;
  }
}

function isApiError(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code;
}
