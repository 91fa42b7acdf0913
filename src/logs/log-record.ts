import type { FunctionName, LogLine } from './types.ts';

const timestampLength = '2026-11-22T10:39:16.000Z'.length;

/** A kept line as it is on disk, `timestamp instance text`, for grep as much as for us. */
export function formatRecord({ timestamp, instance, text }: LogLine): string {
  return `${timestamp} ${instance} ${text}\n`;
}

/** Undefined for what a full disk or a power cut left of a line. */
export function parseRecord(record: string, { name, namespace }: FunctionName): LogLine | undefined {
  const end = record.indexOf(' ', timestampLength + 1);
  if (end === -1 || record[timestampLength] !== ' ' || record[timestampLength - 1] !== 'Z') return undefined;
  const instance = record.slice(timestampLength + 1, end);
  return { name, namespace, instance, timestamp: record.slice(0, timestampLength), text: record.slice(end + 1) };
}
