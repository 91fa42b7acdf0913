/** Reads an answer as it comes, part by part, until it ends; what is behind the last separator is no part yet. */
export async function readParts(
  reply: Response,
  separator: string | RegExp,
  onPart: (part: string) => void,
): Promise<void> {
  if (!reply.body) return;
  let rest = '';
  for await (const text of reply.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split(separator);
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') onPart(part);
  }
}
