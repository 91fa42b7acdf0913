import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Metadata, credentials, status, type ClientReadableStream } from '@grpc/grpc-js';
import { monotonicMs } from '../base/monotonic.ts';
import { openGrpcStream } from './grpc-stream.ts';
import { ContainerdError, abortedError, toContainerdError, type CallSite, type Limits } from './containerd-error.ts';

/** Limits of one call. */
export interface RpcOptions {
  /** Ends the call on both sides; the call then throws a ContainerdError for which `isCancelled` is true. */
  signal?: AbortSignal;
  /** Infinity for no deadline. */
  timeoutMs?: number;
}

/** What goes with every call as its metadata. */
export interface Scope {
  namespace?: string;
  /** What the call creates is kept from the garbage collector while this lease lives. */
  leaseId?: string;
}

/** The part of a generated method definition that a call needs. */
export interface Method<Request, Response> {
  path: string;
  requestSerialize: (request: Request) => Buffer;
  responseDeserialize: (bytes: Buffer) => Response;
}

/** A two-way stream in which each request has one answer. */
export interface Dialogue<Request, Response> {
  /** `more` are fields of the request in bytes, sent from where they are. */
  send(request: Request, ...more: Uint8Array[]): Promise<Response>;
  /** Says that nothing more comes, and waits until containerd has let go of the stream. */
  end(): Promise<void>;
}

interface Cancellable {
  cancel(): void;
}

/** What all scopes of a connection share. */
interface Channel {
  client: Client;
  /** Path of containerd's socket. */
  address: string;
  /** The calls under way. */
  calls: Set<Cancellable>;
  closed: boolean;
}

const mebibyte = 1024 * 1024;
const defaultTimeoutMs = 10_000;
const answerTimeoutMs = 120_000;

const channelOptions = {
  // The daemon's own limits; grpc-js would refuse answers over 4 MiB.
  'grpc.max_receive_message_length': 16 * mebibyte,
  'grpc.max_send_message_length': 16 * mebibyte,
  // A restarted daemon is back within this, not within grpc-js' 1 s growing to 2 minutes.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1000,
  'grpc.use_local_subchannel_pool': 1,
};

/** The one way to containerd: it gives every call metadata, a deadline, an abort and one kind of error. */
export class Connection {
  readonly #channel: Channel;
  readonly #scope: Scope;

  private constructor(channel: Channel, scope: Scope) {
    this.#channel = channel;
    this.#scope = scope;
  }

  /** Connects on the first call and again after each break. `address` is the path of containerd's socket. */
  static open(address: string): Connection {
    const client = new Client(`unix://${address}`, credentials.createInsecure(), channelOptions);
    return new Connection({ client, address, calls: new Set(), closed: false }, {});
  }

  /** Gives the same connection with other metadata. */
  within(scope: Scope): Connection {
    return new Connection(this.#channel, scope);
  }

  /** Ends the connection, and with it the calls under way. */
  close(): void {
    this.#channel.closed = true;
    // grpc-js keeps the socket for as long as a call is under way, and a subscription never ends by itself.
    for (const call of this.#channel.calls) call.cancel();
    this.#channel.client.close();
  }

  /** Makes a call of one request and one response. */
  unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { signal, timeoutMs = defaultTimeoutMs }: RpcOptions = {},
  ): Promise<Response> {
    const site = this.#site(method);
    const coded = coding(method);
    const deadlineMs = monotonicMs() + timeoutMs;
    return new Promise((resolve, reject) => {
      this.#mayBegin(site, signal);
      const answered = (error: Error | null, response?: Response) => {
        finish();
        if (error || response === undefined) reject(toContainerdError(error, site, { signal, deadlineMs }));
        else resolve(response);
      };
      const { client } = this.#channel;
      const call = client.makeUnaryRequest(...coded, request, this.#metadata(timeoutMs), answered);
      const finish = this.#track(call, { signal, timeoutMs });
    });
  }

  /** Makes a call that many responses answer. It begins at once; leaving the loop cancels it; no default deadline. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    { signal, timeoutMs = Infinity }: RpcOptions = {},
  ): AsyncGenerator<Response, void, undefined> {
    const deadlineMs = monotonicMs() + timeoutMs;
    const site = this.#site(method);
    this.#mayBegin(site, signal);
    const { client } = this.#channel;
    const call = client.makeServerStreamRequest(...coding(method), request, this.#metadata(timeoutMs));
    return this.#responses(call, site, { signal, deadlineMs, timeoutMs });
  }

  /** Gathers all responses of a stream, with the deadline of a unary call. */
  async collect<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options?: RpcOptions,
  ): Promise<Response[]> {
    const responses: Response[] = [];
    const stream = this.stream(method, request, withTimeout(options, defaultTimeoutMs));
    for await (const response of stream) responses.push(response);
    return responses;
  }

  /** Opens a two-way stream, which lives until `end` or the signal. Each answer has two minutes to come. */
  dialogue<Request, Response>(
    method: Method<Request, Response>,
    { signal: callerSignal }: RpcOptions = {},
  ): Dialogue<Request, Response> {
    const site = this.#site(method);
    const overdue = new AbortController();
    const signal = callerSignal ? AbortSignal.any([callerSignal, overdue.signal]) : overdue.signal;
    this.#mayBegin(site, signal);
    const { address } = this.#channel;
    const call = openGrpcStream({ address, path: method.path, headers: this.#metadata().toHttp2Headers() });
    const finish = this.#track(call, { signal });
    const answer = async (): Promise<Buffer | undefined> => {
      const timer = setTimeout(() => overdue.abort(new DOMException('no answer', 'TimeoutError')), answerTimeoutMs);
      try {
        const message = await call.receive();
        if (message === undefined) finish();
        return message;
      } catch (error) {
        finish();
        throw toContainerdError(error, site, { signal });
      } finally {
        clearTimeout(timer);
      }
    };
    return {
      async send(request, ...more) {
        call.send([method.requestSerialize(request), ...more]);
        const message = await answer();
        if (message) return method.responseDeserialize(message);
        throw new ContainerdError(site, status.UNAVAILABLE, 'the stream ended without an answer');
      },
      async end() {
        call.end();
        await answer();
      },
    };
  }

  /** Makes an error of this connection which no call has thrown. */
  error<Request, Response>(method: Method<Request, Response>, code: status, details: string): ContainerdError {
    return new ContainerdError(this.#site(method), code, details);
  }

  #mayBegin(site: CallSite, signal?: AbortSignal): void {
    if (this.#channel.closed) throw new ContainerdError(site, status.CANCELLED, 'the client is closed');
    if (signal?.aborted) throw abortedError(site, signal);
  }

  /**
   * Lets the signal, the deadline and `close` cancel the call, until the function is called that it returns. grpc-js's own
   * deadlines are of the wall clock: where that is stepped, calls would end at once or an hour late.
   */
  #track(call: Cancellable, { signal, timeoutMs = Infinity }: RpcOptions): () => void {
    const { calls } = this.#channel;
    const cancel = () => call.cancel();
    calls.add(call);
    signal?.addEventListener('abort', cancel, { once: true });
    const timer = timeoutMs < Infinity ? setTimeout(cancel, timeoutMs) : undefined;
    return () => {
      clearTimeout(timer);
      calls.delete(call);
      signal?.removeEventListener('abort', cancel);
    };
  }

  /** Yields the responses. It listens from now on, so that an error that comes before the first read is not lost. */
  #responses<Response>(
    call: ClientReadableStream<Response>,
    site: CallSite,
    limits: Limits & RpcOptions,
  ): AsyncGenerator<Response, void, undefined> {
    let failure: Error | undefined;
    call.on('error', (error: Error) => (failure ??= error));
    const finish = this.#track(call, limits);
    // Also of a stream that nobody reads, once it has ended or was cancelled.
    call.once('status', finish);
    return (async function* () {
      try {
        for await (const response of call as AsyncIterable<Response>) yield response;
        // grpc-js ends the stream before it emits its status, so the loop alone may take a failure for an end.
        if (failure) throw failure;
      } catch (error) {
        throw toContainerdError(failure ?? error, site, limits);
      } finally {
        finish();
        call.cancel();
      }
    })();
  }

  /** @param timeoutMs how long containerd is to work on it at most */
  #metadata(timeoutMs = Infinity): Metadata {
    const metadata = new Metadata();
    if (timeoutMs < Infinity) metadata.set('grpc-timeout', `${Math.ceil(timeoutMs)}m`);
    const { namespace, leaseId } = this.#scope;
    if (namespace !== undefined) metadata.set('containerd-namespace', namespace);
    if (leaseId !== undefined) metadata.set('containerd-lease', leaseId);
    return metadata;
  }

  #site({ path }: { path: string }): CallSite {
    // "/containerd.services.tasks.v1.Tasks/Create" is Tasks.Create to an operator.
    const method = path.slice(path.lastIndexOf('.') + 1).replace('/', '.');
    const { namespace } = this.#scope;
    return { method, address: this.#channel.address, ...(namespace !== undefined && { namespace }) };
  }
}

/** Lists what grpc-js asks first of every call. */
function coding<Request, Response>({ path, requestSerialize, responseDeserialize }: Method<Request, Response>) {
  return [path, requestSerialize, responseDeserialize] as const;
}

/** Gives the caller's options this call's own default deadline. */
export function withTimeout(options: RpcOptions | undefined, timeoutMs: number): RpcOptions {
  return { ...options, timeoutMs: options?.timeoutMs ?? timeoutMs };
}

/** Waits between two tries. An abort ends it early; the next try then throws as every call does. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
