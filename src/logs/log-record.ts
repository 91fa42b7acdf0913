import type { LoggedFunction, LogLine } from './log-line.ts';

const timestampLength = '2026-11-22T10:39:16.000Z'.length;

/** Says that all up to `offset` in a task's file is in the history; written at once with the line that it stands at. */
export interface ReadMark {
  stream: 'stdout' | 'stderr';
  /** Bytes from the front of the file. */
  offset: number;
}

/** A kept line, with the mark that stands at it. */
export interface LogRecord {
  line: LogLine;
  mark?: ReadMark;
}

/** Writes a kept line as it is on disk, `timestamp instance[@stream:offset] text`, for grep as much as for us. */
export function formatRecord({ line: { timestamp, instance, text }, mark }: LogRecord): string {
  return `${timestamp} ${instance}${mark ? `@${mark.stream}:${mark.offset}` : ''} ${text}\n`;
}

/** Reads a kept line from disk; undefined for what a full disk or a power cut left of one. */
export function parseRecord(record: string, { name, namespace }: LoggedFunction): LogRecord | undefined {
  const end = record.indexOf(' ', timestampLength + 1);
  if (end === -1 || record[timestampLength] !== ' ' || record[timestampLength - 1] !== 'Z') return undefined;
  const [instance = '', mark] = record.slice(timestampLength + 1, end).split('@');
  const timestamp = record.slice(0, timestampLength);
  return { line: { name, namespace, instance, timestamp, text: record.slice(end + 1) }, mark: parseMark(mark) };
}

function parseMark(text: string | undefined): ReadMark | undefined {
  const [stream, offset] = text?.split(':') ?? [];
  return stream === 'stdout' || stream === 'stderr' ? { stream, offset: Number(offset) } : undefined;
}
