import type { Readable } from 'node:stream';

/**
 * Reads a stream line by line. Only LF ends a line: JSON has U+2028 and U+2029 as they are, at which node:readline breaks one.
 * What is behind the last LF is no line.
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = '';
  for await (const text of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
