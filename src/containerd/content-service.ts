import { withTimeout, type CallOptions, type Connection } from './call.ts';
import { openContentWriter, type ContentWriter, type NewContent } from './content-writer.ts';
import type { Info__Output } from './generated/containerd/services/content/v1/Info.ts';
import type { Status__Output } from './generated/containerd/services/content/v1/Status.ts';
import { content as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, type Labels } from './wire-types.ts';

export interface ContentInfo {
  digest: string;
  /** Bytes. */
  size: number;
  labels: Labels;
  createdAt?: Date;
  updatedAt?: Date;
}

/** A blob that is being written, or whose writer went away. */
export interface Ingest {
  ref: string;
  /** Bytes written. */
  offset: number;
  total: number;
  expected: string;
  startedAt?: Date;
  updatedAt?: Date;
}

export type Content = ReturnType<typeof contentOn>;

const wholeBlobTimeoutMs = 60_000;

export function contentOn(connection: Connection) {
  return {
    async info(digest: string, options?: CallOptions): Promise<ContentInfo> {
      const { info } = await connection.unary(methods.Info, { digest }, options);
      return toContentInfo(present(info));
    },
    /** Paths: `labels` or `labels.<key>`; dots in the key are fine. */
    async update(
      content: { digest: string; labels: Labels },
      paths: string[],
      options?: CallOptions,
    ): Promise<ContentInfo> {
      const { info } = await connection.unary(methods.Update, { info: content, updateMask: { paths } }, options);
      return toContentInfo(present(info));
    },
    async list(filters: string[] = [], options?: CallOptions): Promise<ContentInfo[]> {
      const pages = await connection.collect(methods.List, { filters }, options);
      return pages.flatMap(({ info }) => info.map(toContentInfo));
    },
    async delete(digest: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Delete, { digest }, options);
    },
    /** In pieces of up to 1 MiB; leaving the loop ends the call. No deadline unless one is given. */
    async *read(
      digest: string,
      { offset = 0, size = 0 }: { offset?: number; size?: number } = {},
      options?: CallOptions,
    ): AsyncGenerator<Buffer, void, undefined> {
      for await (const { data } of connection.stream(methods.Read, { digest, offset, size }, options)) yield data;
    },
    /** A whole blob in memory: for manifests and configs. */
    async readAll(digest: string, options?: CallOptions): Promise<Buffer> {
      const frames = await connection.collect(methods.Read, { digest }, withTimeout(options, wholeBlobTimeoutMs));
      return Buffer.concat(frames.map(({ data }) => data));
    },
    async status(ref: string, options?: CallOptions): Promise<Ingest> {
      const { status } = await connection.unary(methods.Status, { ref }, options);
      return toIngest(present(status));
    },
    async listStatuses(filters: string[] = [], options?: CallOptions): Promise<Ingest[]> {
      const { statuses } = await connection.unary(methods.ListStatuses, { filters }, options);
      return statuses.map(toIngest);
    },
    /**
     * Begins or resumes writing a blob; see ContentWriter. Throws `isAlreadyExists` when the blob is there, which is
     * then in the lease too. While another writer has the ref it waits, up to `timeoutMs` (10 minutes); the signal
     * holds for the whole life of the writer.
     */
    openWriter(blob: NewContent, options?: CallOptions): Promise<ContentWriter> {
      return openContentWriter(connection, blob, options);
    },
    /** Throws away what has been written under `ref`. */
    async abort(ref: string, options?: CallOptions): Promise<void> {
      await connection.unary(methods.Abort, { ref }, options);
    },
  };
}

function toContentInfo({ digest, size, labels, createdAt, updatedAt }: Info__Output): ContentInfo {
  return { digest, size, labels, createdAt: toDate(createdAt), updatedAt: toDate(updatedAt) };
}

function toIngest({ ref, offset, total, expected, startedAt, updatedAt }: Status__Output): Ingest {
  return { ref, offset, total, expected, startedAt: toDate(startedAt), updatedAt: toDate(updatedAt) };
}
