import { monotonicMs } from '../base/monotonic.ts';
import { pause, type RpcOptions, type Connection, type Dialogue } from './connection.ts';
import { isAlreadyExists, isFailedPrecondition, isUnavailable, notFoundAs } from './containerd-error.ts';
import type { WriteContentRequest } from './generated/containerd/services/content/v1/WriteContentRequest.ts';
import type { WriteContentResponse__Output } from './generated/containerd/services/content/v1/WriteContentResponse.ts';
import { content as methods } from './protos.ts';
import type { Labels } from './wire-types.ts';

/** A blob to write. */
export interface NewContent {
  /** Names the unfinished blob, so that a later writer of any client can go on: `layer-<digest>` and the like. */
  ref: string;
  /** The blob's whole size in bytes. */
  total: number;
  /** The blob's digest. */
  expected: string;
}

type WriteDialogue = Dialogue<WriteContentRequest, WriteContentResponse__Output>;

/** Number and type of the field `data`, https://protobuf.dev/programming-guides/encoding. */
const dataTag = (6 << 3) | 2;
const lockTimeoutMs = 10 * 60_000;

/** Opens a writer once no other has the ref; the connection and the ref's lock are told apart by their errors. */
export async function openContentWriter(
  connection: Connection,
  blob: NewContent,
  { signal, timeoutMs = lockTimeoutMs }: RpcOptions = {},
): Promise<ContentWriter> {
  const deadlineMs = monotonicMs() + timeoutMs;
  for (let waitMs = 16; ; waitMs = Math.min(waitMs * 2, 2048)) {
    const dialogue: WriteDialogue = connection.dialogue(methods.Write, { signal });
    try {
      const { offset } = await dialogue.send({ action: 'STAT', ...blob });
      return new ContentWriter(connection, dialogue, blob, offset);
    } catch (error) {
      if (!isLocked(error) || monotonicMs() + waitMs > deadlineMs) throw error;
    }
    await pause(Math.random() * waitMs, signal);
  }
}

// UNAVAILABLE is both "no daemon" and "another writer has the ref"; only the words tell them apart, the same in every
// version from 1.6 to 2.3. A daemon that is gone must fail at once, not after the wait for a lock.
function isLocked(error: unknown): boolean {
  return isUnavailable(error) && error.details.includes('locked for');
}

/**
 * Writes one blob: begin at `offset`, write to the end, commit; close in any case. Closing without a commit keeps
 * what was written, for the next writer of the same ref to resume. One call at a time.
 */
export class ContentWriter implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #dialogue: WriteDialogue;
  readonly #blob: NewContent;
  #offset: number;
  #open = true;

  constructor(connection: Connection, dialogue: WriteDialogue, blob: NewContent, offset: number) {
    this.#connection = connection;
    this.#dialogue = dialogue;
    this.#blob = blob;
    this.#offset = offset;
  }

  /** How many bytes containerd has. Equal to the blob's `total` at the start when nothing is left but the commit. */
  get offset(): number {
    return this.#offset;
  }

  /** Writes these bytes, 8 MiB at most; they must not change until then. */
  async write(...chunks: Uint8Array[]): Promise<void> {
    const { offset } = await this.#send({ action: 'WRITE', offset: this.#offset }, dataFieldHead(chunks), ...chunks);
    this.#offset = offset;
  }

  /**
   * Ends the blob and closes the writer.
   * @throws ContainerdError for which `isFailedPrecondition` is true when size or digest is wrong; then begin at 0
   */
  async commit({ labels }: { labels?: Labels } = {}): Promise<void> {
    const { total, expected } = this.#blob;
    try {
      await this.#send({ action: 'COMMIT', offset: this.#offset, total, expected, labels });
      await this.close();
    } catch (error) {
      // Another client has committed the same blob in the meantime.
      if (isAlreadyExists(error)) return;
      // What was written stays at its full length, so a resumed writer would commit the same wrong bytes for ever.
      if (isFailedPrecondition(error)) await this.#abort();
      throw error;
    }
  }

  /** Lets go of the ref, for the next writer. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#dialogue.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #send(request: WriteContentRequest, ...more: Uint8Array[]): Promise<WriteContentResponse__Output> {
    try {
      return await this.#dialogue.send(request, ...more);
    } catch (error) {
      // An error ends the stream, and with it containerd's hold on the ref.
      this.#open = false;
      throw error;
    }
  }

  async #abort(): Promise<void> {
    await this.#connection.unary(methods.Abort, { ref: this.#blob.ref }).catch(notFoundAs(undefined));
  }
}

/** Gives what stands before the bytes of the field `data`. */
function dataFieldHead(chunks: Uint8Array[]): Uint8Array {
  const head = [dataTag];
  let length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  for (; length > 0x7f; length >>>= 7) head.push((length & 0x7f) | 0x80);
  return Uint8Array.from([...head, length]);
}
