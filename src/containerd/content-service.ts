import { withTimeout, type RpcOptions, type Connection } from './connection.ts';
import { openContentWriter, type ContentWriter, type NewContent } from './content-writer.ts';
import type { Info__Output } from './generated/containerd/services/content/v1/Info.ts';
import { content as methods } from './protos.ts';
import { toDate } from './timestamps.ts';
import { present, type Labels } from './wire-types.ts';

/** What containerd knows about a blob. */
export interface ContentInfo {
  digest: string;
  /** Bytes. */
  size: number;
  labels: Labels;
  createdAt?: Date;
}

type NewLabels = Pick<ContentInfo, 'digest' | 'labels'>;

const wholeBlobTimeoutMs = 60_000;

/** Makes the calls on blobs. */
export function contentOn(connection: Connection) {
  return {
    async info(digest: string, options?: RpcOptions): Promise<ContentInfo> {
      const { info } = await connection.unary(methods.Info, { digest }, options);
      return toContentInfo(present(info));
    },
    /** Changes labels. Paths: `labels` or `labels.<key>`; dots in the key are fine. */
    async update(content: NewLabels, paths: string[], options?: RpcOptions): Promise<ContentInfo> {
      const { info } = await connection.unary(methods.Update, { info: content, updateMask: { paths } }, options);
      return toContentInfo(present(info));
    },
    /** Reads a whole blob into memory: for manifests and configs. */
    async readAll(digest: string, options?: RpcOptions): Promise<Buffer> {
      const frames = await connection.collect(methods.Read, { digest }, withTimeout(options, wholeBlobTimeoutMs));
      return Buffer.concat(frames.map(({ data }) => data));
    },
    /**
     * Begins or resumes writing a blob; see ContentWriter. While another writer has the ref it waits, up to `timeoutMs`
     * (10 minutes); the signal holds for the whole life of the writer.
     * @throws ContainerdError for which `isAlreadyExists` is true when the blob is there; then it is in the lease too
     */
    openWriter(blob: NewContent, options?: RpcOptions): Promise<ContentWriter> {
      return openContentWriter(connection, blob, options);
    },
  };
}

function toContentInfo({ digest, size, labels, createdAt }: Info__Output): ContentInfo {
  return { digest, size, labels, createdAt: toDate(createdAt) };
}
