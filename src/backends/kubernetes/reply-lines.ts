import type { IncomingMessage } from 'node:http';
import { KubernetesError } from './kubernetes-error.ts';

/** The most of a refusal that is read, in characters. */
const refusalLength = 4096;

/**
 * Reads an answer line by line, and lets go of it when nobody reads on.
 * @param onChunk is called whenever something has come
 * @throws KubernetesError for any answer but a good one; the stream's error when it breaks
 */
export async function* replyLines(
  request: string,
  reply: IncomingMessage,
  onChunk: () => void = () => {},
): AsyncGenerator<string> {
  try {
    if (reply.statusCode !== 200) throw await refusalOf(request, reply);
    let rest = '';
    for await (const chunk of reply.setEncoding('utf8')) {
      onChunk();
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
    if (rest !== '') yield rest;
  } finally {
    reply.destroy();
  }
}

async function refusalOf(request: string, reply: IncomingMessage): Promise<KubernetesError> {
  let body = '';
  for await (const chunk of reply.setEncoding('utf8')) body = (body + String(chunk)).slice(0, refusalLength);
  return KubernetesError.of(request, { code: reply.statusCode, body });
}
