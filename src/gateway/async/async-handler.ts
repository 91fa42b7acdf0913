import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Log } from '../../base/log.ts';
import { answerPlain } from '../../base/plain-line.ts';
import { isDiskFull } from '../../base/disk-full.ts';
import {
  BadRequestError,
  hasUnknownCoding,
  ProviderError,
  queuedHeaders,
  splitFunctionUrl,
  type FaaSConfig,
  type FunctionName,
  type Provider,
  type RawHandler,
} from '../../provider/index.ts';
import { isCallId, newCallId, startTime } from '../calls/call-id.ts';
import { BodyTooLargeError } from './queue-errors.ts';
import type { NewCall, Queue } from './queue.ts';
import { isScheduleId } from './scheduled-function.ts';

export interface AsyncHandlerOptions {
  queue: Pick<Queue, 'add'>;
  provider: Pick<Provider, 'status'>;
  config: Pick<FaaSConfig, 'defaultNamespace' | 'trustedProxies'>;
  bodyLimitBytes: number;
  /** Refuses an address that no answer may be posted to, with a ProviderError. */
  checkCallback: (url: string) => Promise<unknown>;
  /** Told of each call that was put on the queue. */
  onAccepted: (fn: FunctionName) => void;
  log: Log;
}

const prefix = '/async-function/';

/**
 * Makes the handler of POST /async-function/NAME[.NAMESPACE][/path]: puts the call on the queue and answers 202 with its id.
 * Source: https://docs.openfaas.com/reference/async/
 */
export function asyncHandler(options: AsyncHandlerOptions): RawHandler {
  return {
    forwardsExpect: true,
    async web(req, res) {
      // A caller that has left is told nothing, but its response says so.
      res.on('error', (error) => options.log.debug('connection to the caller broke', { error }));
      try {
        await accept(req, res, options);
      } catch (error) {
        if (req.destroyed && !req.complete) return void res.destroy();
        answerPlain(req, res, refusalOf(error));
      }
    },
  };
}

async function accept(req: IncomingMessage, res: ServerResponse, options: AsyncHandlerOptions): Promise<void> {
  const { queue, bodyLimitBytes, onAccepted } = options;
  const call = await callOf(req, options);
  if (Number(req.headers['content-length'] ?? 0) > bodyLimitBytes) throw new BodyTooLargeError(bodyLimitBytes);
  if (req.headers.expect !== undefined) res.writeContinue();
  await queue.add(call, bodyOf(req), { bodyLimitBytes });
  onAccepted(call.fn);
  res.writeHead(202, { 'X-Call-Id': call.id, 'X-Start-Time': startTime(), 'Content-Length': '0' }).end();
}

async function callOf(req: IncomingMessage, options: AsyncHandlerOptions): Promise<NewCall> {
  const { provider, config, checkCallback } = options;
  const { defaultNamespace, trustedProxies } = config;
  const found = splitFunctionUrl(req.url ?? '', { defaultNamespace, prefix });
  if (!found) throw new ProviderError(404, `function not found: post to ${prefix}NAME or ${prefix}NAME.NAMESPACE`);
  if (hasUnknownCoding(req))
    throw new ProviderError(501, 'send the body with Transfer-Encoding: chunked, or Content-Length');
  const { name, namespace, path } = found;
  await provider.status({ name, namespace }, { usage: false });
  const url = headerOf(req, 'x-callback-url');
  if (url !== '') await checkCallback(onlyOne(req, url));
  const given = headerOf(req, 'x-call-id');
  const id = isCallId(given) && !isScheduleId(given) ? given : newCallId();
  const headers = queuedHeaders(req, { headers: { 'X-Call-Id': id }, trustedProxies });
  return { id, kind: 'call', fn: { name, namespace }, path, headers, ...(url !== '' && { url }) };
}

/** Several are joined by commas, and that may be a URL. */
function onlyOne({ headersDistinct }: IncomingMessage, url: string): string {
  if (headersDistinct['x-callback-url']?.length === 1) return url;
  throw new BadRequestError('an answer is posted to one address: send X-Callback-Url once');
}

function headerOf({ headers }: IncomingMessage, name: string): string {
  return String(headers[name] ?? '').trim();
}

/** Returns the body; whoever stops reading it does not end the connection, on which there is an answer to send. */
function bodyOf(req: IncomingMessage): Readable {
  return Readable.from(chunksOf(req), { objectMode: false });
}

async function* chunksOf(req: IncomingMessage): AsyncGenerator<Buffer> {
  for await (const chunk of req.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}

function refusalOf(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  if (!isDiskFull(error)) throw error;
  const message = 'the disk of the queue of asynchronous calls is full: try again later';
  return new ProviderError(503, message, { cause: error, headers: { 'Retry-After': '10' } });
}
