import type { SessionView } from '../wire.ts';

/** berth answered, but not with success; the message is what it said. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiCall {
  method?: string;
  /** Sent as JSON. */
  body?: unknown;
  signal?: AbortSignal;
}

export interface StreamCall {
  headers?: Record<string, string>;
  signal: AbortSignal;
  /** How long nothing may come. */
  silentMs?: number;
}

/** berth says something every 15 s in each stream: one that is silent for longer has lost its other end. */
export const mostSilentMs = 40_000;

const storageKey = 'berth-session';
const sessionHeader = 'X-Berth-Session';

/** The API of the berth that this page comes from, in one session. */
export class Api {
  #token = sessionStorage.getItem(storageKey) ?? undefined;
  #onLoggedOut = () => {};

  get isLoggedIn(): boolean {
    return this.#token !== undefined;
  }

  /** Has this called when the session has ended, whoever ended it. */
  onLoggedOut(listener: () => void): void {
    this.#onLoggedOut = listener;
  }

  /** @throws RefusedError 401 when the password is wrong, 429 when too many were */
  async logIn(user: string, password: string): Promise<void> {
    const { token } = await this.json<SessionView>('/ui/session', { method: 'POST', body: { user, password } });
    this.#token = token;
    sessionStorage.setItem(storageKey, token);
  }

  async logOut(): Promise<void> {
    await this.json('/ui/session', { method: 'DELETE' }).catch(() => {});
    this.#forget();
  }

  /**
   * Asks, and returns what was answered, parsed where it is JSON.
   * @throws RefusedError when its status is 400 or above
   * @throws TypeError when berth cannot be reached
   */
  async json<T = unknown>(path: string, { method = 'GET', body, signal }: ApiCall = {}): Promise<T> {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const reply = await this.fetch(path, { method, headers, body: JSON.stringify(body), signal });
    const text = await reply.text();
    const isJson = reply.headers.get('Content-Type')?.includes('json');
    return (isJson && text !== '' ? JSON.parse(text) : text) as T;
  }

  /**
   * Asks for what goes on until somebody ends it, and resolves when it was read.
   * @param read reads the answer, and calls `heard` at whatever comes
   * @throws DOMException `TimeoutError` when nothing came for `silentMs`
   */
  async stream(
    path: string,
    { headers, signal, silentMs = mostSilentMs }: StreamCall,
    read: (reply: Response, heard: () => void) => Promise<void>,
  ): Promise<void> {
    const silence = new AbortController();
    const lose = () => silence.abort(new DOMException('nothing came of the stream', 'TimeoutError'));
    let timer = setTimeout(lose, silentMs);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(lose, silentMs);
    };
    try {
      await read(await this.fetch(path, { headers, signal: AbortSignal.any([signal, silence.signal]) }), heard);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks as `json` does, and returns the answer to be read. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const reply = await this.call(path, init);
    if (reply.ok) return reply;
    const message = (await reply.text()).trim() || reply.statusText;
    if (reply.status === 401 && this.#token !== undefined) this.#forget();
    throw new RefusedError(reply.status, message);
  }

  /** Asks, and returns any answer. */
  async call(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set(sessionHeader, this.#token);
    return fetch(path, { ...init, headers, cache: 'no-store', redirect: 'manual' });
  }

  #forget(): void {
    this.#token = undefined;
    sessionStorage.removeItem(storageKey);
    this.#onLoggedOut();
  }
}

/** The one that all pages use. */
export const api = new Api();

/** Whether nothing was heard of berth. */
export function isUnreachable(error: unknown): boolean {
  return isTimeout(error) || error instanceof TypeError;
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

/** Returns what an error says to a person. */
export function messageOf(error: unknown): string {
  if (error instanceof RefusedError) return error.message;
  if (isTimeout(error)) return 'berth does not answer: is the host up, and on this network?';
  if (error instanceof TypeError) return 'berth cannot be reached: is the host up, and on this network?';
  return error instanceof Error ? error.message : String(error);
}
