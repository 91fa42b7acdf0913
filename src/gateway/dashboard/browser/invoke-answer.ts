/** What a function answered, as far as it has come. */
export interface InvokeAnswer {
  status: number;
  /** Until the headers, and until the end, in milliseconds. */
  headersMs: number;
  totalMs?: number;
  headers: [string, string][];
  bytes: Uint8Array[];
  size: number;
  /** No more was read than is shown here. */
  isCut: boolean;
}

/** What the function answered where a browser would not tell. */
const statusHeader = 'x-berth-status';
/** berth has these of its own for this page, whatever the function answered. */
const ownHeaders = [statusHeader, 'cache-control', 'content-security-policy', 'x-content-type-options'];

/** The most of an answer that is read. */
const mostBytes = 10 * 1024 * 1024;
const tellMs = 200;

/** Reads an answer to its end, or to what is the most that is kept, and tells of what has come a few times a second. */
export async function readAnswer(
  reply: Response,
  beganMs: number,
  onPart: (answer: InvokeAnswer) => void,
): Promise<InvokeAnswer> {
  const answer: InvokeAnswer = {
    status: Number(reply.headers.get(statusHeader) ?? reply.status),
    headersMs: performance.now() - beganMs,
    headers: [...reply.headers].filter(([name]) => !ownHeaders.includes(name)),
    bytes: [],
    size: 0,
    isCut: false,
  };
  let toldMs = 0;
  for await (const part of reply.body ?? []) {
    answer.bytes.push(part);
    answer.size += part.length;
    answer.isCut = answer.size > mostBytes;
    if (answer.isCut) break;
    if (performance.now() - toldMs < tellMs) continue;
    toldMs = performance.now();
    onPart({ ...answer });
  }
  return { ...answer, totalMs: performance.now() - beganMs };
}

/** Returns what the bytes say where they are text, whatever their type is said to be; undefined where they are not. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    // What has come may end within a character.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
