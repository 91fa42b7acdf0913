import { parseRecord, type ReadMark } from './log-record.ts';
import { recordsBackward, recordsForward, type Segment } from './segment.ts';
import type { LoggedFunction, LogLine, LogQuery, LogReplica } from './log-line.ts';

/** A place in a history. */
interface Position {
  /** Index of the segment. */
  segment: number;
  /** Bytes from the front of the segment. */
  start: number;
}

/** Reads the kept lines that a query asks for, oldest first. */
export async function* linesOf(segments: Segment[], query: LogQuery): AsyncGenerator<LogLine> {
  const from = await findStart(segments, query);
  const since = query.since?.toISOString() ?? '';
  for (const [index, segment] of segments.entries()) {
    if (index < from.segment) continue;
    for await (const record of recordsForward(segment, index === from.segment ? from.start : 0)) {
      const line = parseRecord(record, query)?.line;
      if (line && isWanted(line, query) && line.timestamp >= since) yield line;
    }
  }
}

/** Finds what of a replica's files is in a history, by the records not older than `since`. */
export async function readMarksOf(segments: Segment[], replica: LogReplica, since: Date): Promise<ReadMark[]> {
  const marks: ReadMark[] = [];
  for (const segment of segments.toReversed()) {
    for await (const { record } of recordsBackward(segment)) {
      const parsed = parseRecord(record, replica);
      if (parsed && parsed.line.timestamp < since.toISOString()) return marks;
      if (parsed?.mark && parsed.line.instance === replica.id) marks.push(parsed.mark);
    }
  }
  return marks;
}

/** Finds where the records from a moment on begin in a segment, in bytes; looks at one record alone where all are. */
export async function offsetSince(segment: Segment, fn: LoggedFunction, since: Date): Promise<number> {
  for await (const record of recordsForward(segment, 0)) {
    const line = parseRecord(record, fn)?.line;
    if (line && line.timestamp >= since.toISOString()) return 0;
    if (line) break;
  }
  return (await findStart([segment], { ...fn, since, follow: false })).start;
}

/** Finds where an answer begins, from the end, so that what is older is not read. */
async function findStart(segments: Segment[], query: LogQuery): Promise<Position> {
  const first = { segment: 0, start: 0 };
  let missing = query.tail === undefined || query.tail < 0 ? Infinity : query.tail;
  if (missing === 0) return { segment: segments.length, start: 0 };
  const since = query.since?.toISOString();
  if (missing === Infinity && since === undefined) return first;
  for (const [segment, content] of [...segments.entries()].reverse()) {
    for await (const { record, start, end } of recordsBackward(content)) {
      const line = parseRecord(record, query)?.line;
      if (!line) continue;
      if (since !== undefined && line.timestamp < since) return { segment, start: end };
      if (isWanted(line, query)) missing--;
      if (missing === 0) return { segment, start };
    }
  }
  return first;
}

function isWanted(line: LogLine, { instance }: LogQuery): boolean {
  return instance === undefined || line.instance === instance;
}
