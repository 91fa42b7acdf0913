import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { Base64UrlPaddedCodec, Objm, StorageType, type ObjectStore } from '@nats-io/obj';
import type { Readable } from 'node:stream';
import { toQueueError } from './jetstream-errors.ts';
import { BodyTooLargeError } from './queue-errors.ts';

export interface JetstreamBody {
  bodyBytes: number;
  body?: Buffer;
  /** `NAME NUID` of the object. */
  bodyObject?: string;
}

/** Shorter bodies are in the message of their call: one step of the server then adds it. */
const shortBytes = 16_384;
const chunkBytes = 131_072;
/** Younger objects may be of a call that is just being added. */
const orphanAgeMs = 3_600_000;

/**
 * Long bodies, in an object store. Objects are written by the library, and read and removed here: it would read an object into memory
 * whole, and leave a message behind for each that is removed.
 */
export class JetstreamBodies {
  readonly #store: ObjectStore;
  readonly #bucket: string;
  readonly #jsm: JetStreamManager;

  private constructor(store: ObjectStore, bucket: string, jsm: JetStreamManager) {
    this.#store = store;
    this.#bucket = bucket;
    this.#jsm = jsm;
  }

  /** Makes the object store where it is not there. */
  static async open(js: JetStreamClient, jsm: JetStreamManager, bucket: string): Promise<JetstreamBodies> {
    const store = await new Objm(js).create(bucket, { storage: StorageType.File });
    return new JetstreamBodies(store, bucket, jsm);
  }

  /**
   * Writes a body as it comes, `name` being new. Rejects with BodyTooLargeError when it is longer than the limit, and as `body` does.
   */
  async write(name: string, body: Readable | Buffer, limitBytes = Infinity): Promise<JetstreamBody> {
    const source = new CountedPieces(body, limitBytes);
    const first: Buffer[] = [];
    while (source.bytes <= shortBytes) {
      const piece = await source.next();
      if (!piece) return { bodyBytes: source.bytes, body: Buffer.concat(first) };
      first.push(piece);
    }
    async function* whole() {
      yield* first.splice(0);
      for (let piece = await source.next(); piece; piece = await source.next()) yield piece;
    }
    try {
      const meta = { name, options: { max_chunk_size: chunkBytes } };
      const { nuid } = await this.#store.put(meta, ReadableStream.from<Uint8Array>(whole()));
      return { bodyBytes: source.bytes, bodyObject: `${name} ${nuid}` };
    } catch (error) {
      throw source.error ?? toQueueError(error);
    }
  }

  /**
   * Reads an object from its start, a chunk at a time.
   * @throws QueueUnreachableError when the server does not answer
   */
  async *read(bodyObject: string, bodyBytes: number): AsyncGenerator<Uint8Array> {
    const [, subject] = this.#subjects(bodyObject);
    let seq = 1;
    for (let read = 0; read < bodyBytes;) {
      const chunk = await this.#jsm.direct
        .getMessage(this.#stream, { seq, next_by_subj: subject })
        .catch((error: unknown) => Promise.reject(toQueueError(error)));
      if (!chunk || chunk.data.length === 0) throw new Error('the body of this call is no longer in the object store');
      yield chunk.data;
      read += chunk.data.length;
      seq = chunk.seq + 1;
    }
  }

  async remove(bodyObject: string): Promise<void> {
    for (const filter of this.#subjects(bodyObject)) await this.#jsm.streams.purge(this.#stream, { filter });
  }

  /** Removes what no call has: a process that ended amid its work has left it. */
  async sweep(isNeeded: (bodyObject: string) => boolean): Promise<void> {
    for (const { name, nuid, mtime } of await this.#store.list()) {
      const bodyObject = `${name} ${nuid}`;
      if (!isNeeded(bodyObject) && Date.parse(mtime) < Date.now() - orphanAgeMs) await this.remove(bodyObject);
    }
  }

  get #stream(): string {
    return `OBJ_${this.#bucket}`;
  }

  /** Those of its description, and of its chunks. */
  #subjects(bodyObject: string): [string, string] {
    const [name = '', nuid = ''] = bodyObject.split(' ');
    return [`$O.${this.#bucket}.M.${Base64UrlPaddedCodec.encode(name)}`, `$O.${this.#bucket}.C.${nuid}`];
  }
}

/** The pieces of a body, and what is wrong with it. */
class CountedPieces {
  readonly #pieces: AsyncGenerator<Buffer>;
  readonly #limitBytes: number;
  bytes = 0;
  error: Error | undefined;

  constructor(body: Readable | Buffer, limitBytes: number) {
    this.#pieces = piecesOf(body);
    this.#limitBytes = limitBytes;
  }

  /** Undefined at its end. */
  async next(): Promise<Buffer | undefined> {
    try {
      const { value } = (await this.#pieces.next()) as { value: Buffer | undefined };
      this.bytes += value?.length ?? 0;
      if (this.bytes > this.#limitBytes) throw new BodyTooLargeError(this.#limitBytes);
      return value;
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(String(error));
      throw this.error;
    }
  }
}

async function* piecesOf(body: Readable | Buffer): AsyncGenerator<Buffer> {
  if (!Buffer.isBuffer(body)) for await (const piece of body) yield Buffer.from(piece as Uint8Array | string);
  else for (let at = 0; at < body.length; at += chunkBytes) yield body.subarray(at, at + chunkBytes);
}
