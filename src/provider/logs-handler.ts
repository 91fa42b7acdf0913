import { once } from 'node:events';
import type { FaaSContext, Handler } from './handlers.ts';
import { parseKeepAlive, parseLogRequest } from './parse.ts';
import type { LogMessage, LogRequest } from './types.ts';

/** Gives a function's log lines; see `Provider.logs`. */
export type LogsVerb = (request: LogRequest, signal: AbortSignal) => Promise<AsyncIterable<LogMessage>>;

/**
 * Makes the handler of GET /system/logs, which answers with one JSON object a line (NDJSON): headers at once, each line as
 * it comes, the end when the messages end, the caller leaves or the server closes. Who asks for it by `keepalive=SECONDS` is sent
 * an empty line so often.
 * Source: https://github.com/openfaas/faas-provider/blob/master/logs/handler.go
 */
export function logsHandler(logs: LogsVerb): Handler {
  return async (ctx) => {
    const everyMs = parseKeepAlive(ctx);
    await streamLines(ctx, await logs(parseLogRequest(ctx), ctx.state.signal), everyMs);
  };
}

/** A follower may be silent for hours: one that is gone without a word is noticed, and routers do not forget one that is there. */
const keepAliveMs = 60_000;

/** Written by hand because Koa's stream body neither waits for the end nor tells a failure from one. */
async function streamLines(ctx: FaaSContext, messages: AsyncIterable<LogMessage>, everyMs?: number): Promise<void> {
  const { res } = ctx;
  ctx.respond = false;
  ctx.status = 200;
  ctx.type = 'application/x-ndjson';
  ctx.flushHeaders();
  res.socket?.setKeepAlive(true, keepAliveMs);
  const emptyLines = everyMs === undefined ? undefined : setInterval(() => keepAlive(res), everyMs);
  try {
    if (ctx.method !== 'HEAD') await writeLines(ctx, messages);
  } catch (error) {
    // What a caller that left, or a server that closes, breaks off is no failure.
    if (!ctx.state.signal.aborted) throw error;
  } finally {
    clearInterval(emptyLines);
  }
  res.end();
}

/** Who has more to read already is told enough. */
function keepAlive(res: FaaSContext['res']): void {
  if (!res.destroyed && res.writableLength === 0) res.write('\n');
}

async function writeLines({ res, state }: FaaSContext, messages: AsyncIterable<LogMessage>): Promise<void> {
  for await (const message of messages) {
    if (res.destroyed || state.signal.aborted) return;
    // Lines that come at once are sent at once.
    if (res.writableCorked === 0) {
      res.cork();
      process.nextTick(() => res.uncork());
    }
    if (!res.write(`${JSON.stringify(message)}\n`)) await once(res, 'drain', { signal: state.signal });
  }
}
