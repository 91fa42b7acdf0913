import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { hasCode } from '../base/absent-file.ts';
import { readCredentials, type BasicAuthCredentials } from '../provider/index.ts';
import type { Config } from '../daemon/index.ts';

/** The API answered, but not with success. */
export class ApiError extends Error {
  override name = 'ApiError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiRequest {
  method?: string;
  /** What is sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
  headers?: Record<string, string>;
}

/**
 * Client of the API of the berth that runs on this host, with the password that it asks for. In plain HTTP, which a berth with
 * TLS takes from its own host as well: its certificate has another name.
 */
export class ApiClient {
  readonly #host: string;
  readonly #port: number;
  readonly #credentials: BasicAuthCredentials | undefined;

  private constructor(host: string, port: number, credentials: BasicAuthCredentials | undefined) {
    this.#host = host;
    this.#port = port;
    this.#credentials = credentials;
  }

  /** @throws ConfigError when there is no password to read */
  static async open(config: Config): Promise<ApiClient> {
    const credentials = config.enableBasicAuth
      ? await readCredentials(config.secretMountPath).catch(explained)
      : undefined;
    return new ApiClient(reachable(config.bind), config.tcpPort, credentials);
  }

  /**
   * Asks and returns what was answered, parsed where it is JSON; undefined where it is empty.
   * @param path of the URL, with its query
   * @throws ApiError with the answer's text when its status is 400 or above
   * @throws Error saying that berth does not answer
   */
  async json(path: string, options: ApiRequest = {}): Promise<unknown> {
    const headers = { Accept: 'application/json', ...options.headers };
    const body = await text(await this.stream(path, { ...options, headers }));
    return body ? JSON.parse(body) : undefined;
  }

  /** Asks as `json` does, and returns the answer to be read as it comes. */
  async stream(
    path: string,
    { method = 'GET', body, signal, headers: asked }: ApiRequest = {},
  ): Promise<IncomingMessage> {
    const { user, password } = this.#credentials ?? {};
    const auth = user === undefined ? undefined : `${user}:${password}`;
    const sent = body === undefined ? undefined : JSON.stringify(body);
    // Node leaves it out of a DELETE, whose body then looks like another request.
    const headers = { ...asked, ...(sent !== undefined && { 'content-length': Buffer.byteLength(sent) }) };
    const req = request({ host: this.#host, port: this.#port, path, method, auth, headers, signal });
    req.end(sent);
    const [res] = (await once(req, 'response').catch((cause: unknown) => {
      const message = `berth does not answer at ${this.#host}:${this.#port}: look with journalctl -u berth`;
      throw new Error(message, { cause });
    })) as [IncomingMessage];
    if ((res.statusCode ?? 500) < 400) return res;
    throw new ApiError(res.statusCode ?? 500, (await text(res)).trim());
  }
}

function explained(error: Error): never {
  const { cause } = error;
  if (!hasCode(cause, 'EACCES')) throw error;
  throw new Error(`berth's password cannot be read: run it with sudo`, { cause });
}

/** Returns the address to reach a server at that listens on `bind`. */
function reachable(bind: string): string {
  if (bind === '0.0.0.0') return '127.0.0.1';
  return bind === '::' ? '::1' : bind;
}
