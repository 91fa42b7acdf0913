/**
 * Reads an answer as it comes, part by part, until it ends; what is behind the last separator is no part yet.
 * @param onChunk is called first with whatever comes
 */
export async function readParts(
  reply: Response,
  separator: string | RegExp,
  onPart: (part: string) => void,
  onChunk = () => {},
): Promise<void> {
  if (!reply.body) return;
  let rest = '';
  // Not by `for await`, which Safari does not know of a stream.
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    onChunk();
    const parts = (rest + chunk.value).split(separator);
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') onPart(part);
  }
}
