import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { endProcess } from './processes.ts';

/** A tab of a real browser, with a profile of its own. Whoever sits before it gives no password when asked. */
export interface Browser extends AsyncDisposable {
  /** Opens an address as if a person had typed it, and waits until the page and what is in it are loaded. */
  open(url: string): Promise<void>;
  /** Runs JavaScript in the page and gives what its promise resolves with. */
  run(expression: string): Promise<unknown>;
}

interface Message {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
  sessionId?: string;
  result?: Record<string, unknown>;
  error?: { message: string };
}

const program = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
const patienceMs = 60_000;
const loaded = `new Promise((done) => (document.readyState === 'complete' ? done() : (onload = () => done())))`;

/** Starts Debian's chromium, driven through a pipe: https://chromedevtools.github.io/devtools-protocol/ */
export async function startChromium(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const child = spawn(
    'chromium',
    [...program, `--user-data-dir=${profile}`, '--remote-debugging-pipe', 'about:blank'],
    {
      env: { ...process.env, HOME: profile },
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    },
  );
  const devtools = new DevTools(child);
  const stop = async () => {
    await endProcess(child, 'SIGKILL');
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  };
  try {
    const { targetId } = await devtools.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await devtools.send('Target.attachToTarget', { targetId, flatten: true });
    const send = (method: string, params?: object) => devtools.send(method, params, String(sessionId));
    await send('Page.enable');
    // It may end before it has answered.
    const tell = (method: string, params: object) => void send(method, params).catch(() => {});
    devtools.on('Fetch.requestPaused', ({ requestId }) => tell('Fetch.continueRequest', { requestId }));
    const cancelled = { response: 'CancelAuth' };
    devtools.on('Fetch.authRequired', ({ requestId }) => {
      tell('Fetch.continueWithAuth', { requestId, authChallengeResponse: cancelled });
    });
    await send('Fetch.enable', { handleAuthRequests: true });
    const run = async (expression: string) => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', {
        expression,
        awaitPromise: true,
        returnByValue: true,
      });
      if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value: unknown }).value;
    };
    return {
      async open(url) {
        // Answered once the page is there. Chromium's own event may still be that of the page before.
        await send('Page.navigate', { url });
        await run(loaded);
      },
      run,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Chromium's protocol: JSON with a 0 behind it, commands in and answers and events out. */
class DevTools {
  readonly #commands: Writable;
  readonly #answers = new Map<number, (message: Message) => void>();
  readonly #events = new Map<string, (params: Record<string, unknown>) => void>();
  readonly #ended: Promise<never>;
  #sent = 0;

  constructor(child: ChildProcess) {
    const [, , , commands, messages] = child.stdio;
    this.#commands = commands as Writable;
    this.#ended = once(child, 'exit').then(() => Promise.reject(new Error('chromium has ended')));
    this.#ended.catch(() => {});
    this.#commands.on('error', () => {});
    let rest = '';
    (messages as Readable).setEncoding('utf8').on('data', (part: string) => {
      const whole = (rest + part).split('\0');
      rest = whole.pop() ?? '';
      for (const text of whole) this.#take(JSON.parse(text) as Message);
    });
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#sent;
    const answer = new Promise<Message>((resolve) => this.#answers.set(id, resolve));
    this.#commands.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result = {}, error } = await this.#soon(answer, method);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /** Calls the listener, the only one of the name, with each event. */
  on(name: string, listener: (params: Record<string, unknown>) => void): void {
    this.#events.set(name, listener);
  }

  #take({ id, method = '', params = {}, ...message }: Message): void {
    if (id === undefined) this.#events.get(method)?.(params);
    else this.#answers.get(id)?.(message);
  }

  #soon<T>(promise: Promise<T>, what: string): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`chromium: no ${what} in ${patienceMs} ms`)), patienceMs);
    return Promise.race([promise, late, this.#ended]).finally(() => clearTimeout(timer));
  }
}
