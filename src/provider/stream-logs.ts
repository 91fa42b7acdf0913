import { once } from 'node:events';
import type { FaaSContext } from './handlers.ts';
import type { LogMessage } from './types.ts';

/**
 * Answers with one JSON object a line: headers at once, each line as it comes, the end when the messages end, the caller
 * leaves or the server closes. Written by hand because Koa's stream body neither waits for the end nor tells a failure
 * from one.
 */
export async function streamLogs(ctx: FaaSContext, messages: AsyncIterable<LogMessage>): Promise<void> {
  const { res } = ctx;
  ctx.respond = false;
  ctx.status = 200;
  ctx.type = 'application/x-ndjson';
  ctx.flushHeaders();
  try {
    if (ctx.method !== 'HEAD') await writeLines(ctx, messages);
  } catch (error) {
    // What a caller that left, or a server that closes, breaks off is no failure.
    if (!ctx.state.signal.aborted) throw error;
  }
  res.end();
}

async function writeLines({ res, state }: FaaSContext, messages: AsyncIterable<LogMessage>): Promise<void> {
  for await (const message of messages) {
    if (res.destroyed || state.signal.aborted) return;
    if (!res.write(`${JSON.stringify(message)}\n`)) await once(res, 'drain', { signal: state.signal });
  }
}
