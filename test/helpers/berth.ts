import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContainerd } from './containerd.ts';
import { freePort } from './free-port.ts';
import { listeningFirst } from './listening-socket.ts';
import { until } from './poll.ts';
import { endProcess, isRunning, run, tail } from './processes.ts';

export const username = 'admin';
export const password = 'test-password';

export interface TestBerthOptions {
  /** Absent with another back end. */
  containerd?: TestContainerd;
  /** Environment variables of the daemon beside those that put everything into a temporary folder. */
  env?: Record<string, string>;
  /** Serve the dashboard, on a port of its own. */
  dashboard?: boolean;
  /** Do not wait for /healthz to answer 200. */
  unready?: boolean;
  /** What Node.js is given to start it. Default src/main.ts. */
  program?: string[];
  /** It is given its socket, as the installed one is, and does not listen by itself. */
  isGivenSocket?: boolean;
}

export interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

export interface TestBerth extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Address of the dashboard, where it is served. */
  readonly dashboard?: string;
  /** Data, run and log folders are under it. */
  readonly folder: string;
  readonly pid: number;
  /** A request with the password. An object becomes a JSON body. */
  api(method: string, path: string, body?: unknown): Promise<Answer>;
  /** A call of a function, without the password. */
  invoke(path: string, init?: RequestInit): Promise<Answer>;
  log(): Promise<string>;
  /** Ends the daemon and waits for its end; functions run on. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  start(options?: { unready?: boolean; env?: Record<string, string> }): Promise<void>;
  /** Ends the daemon, deletes its folders and network; functions end with their containerd. */
  stop(): Promise<void>;
}

/** Starts the daemon from its source, as `npm start` does, on a containerd of the test's own, or as `env` says. */
export async function startBerth(options: TestBerthOptions): Promise<TestBerth> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-'));
  const { program = [join(import.meta.dirname, '../../src/main.ts')] } = options;
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const uiPort = options.dashboard ? await freePort() : 0;
  const logPath = join(folder, 'berth.log');
  await mkdir(join(folder, 'auth'));
  await writeFile(join(folder, 'auth/basic-auth-user'), username);
  await writeFile(join(folder, 'auth/basic-auth-password'), password);
  const env = {
    PATH: process.env.PATH,
    port: String(port),
    bind: '0.0.0.0',
    secret_mount_path: join(folder, 'auth'),
    ...(options.containerd && { containerd_address: options.containerd.address }),
    data_dir: join(folder, 'data'),
    run_dir: join(folder, 'run'),
    log_dir: join(folder, 'log'),
    functions_dir: join(folder, 'functions.d'),
    docker_config: join(folder, 'docker-config.json'),
    log_level: 'debug',
    metrics_port: '0',
    ui_port: String(uiPort),
    // What is kept ready would look like what was left behind.
    networks_ready: '0',
    ...options.env,
  };

  const plain = [process.execPath, ...program];
  const [command = '', ...args] = options.isGivenSocket ? listeningFirst(port, plain) : plain;
  let child: ChildProcess | undefined;
  const request = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, { redirect: 'manual', ...init });
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  const api = (method: string, path: string, body?: unknown) =>
    request(path, {
      method,
      headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
    });

  async function start(again: { unready?: boolean; env?: Record<string, string> } = options) {
    const output = await open(logPath, 'a');
    const started = spawn(command, args, {
      env: { ...env, ...again.env },
      stdio: ['ignore', output.fd, output.fd],
    });
    await output.close();
    child = started;
    await until(
      async () => !isRunning(started) || (await request('/healthz', {})).status === 200 || again.unready === true,
      { timeoutMs: 60_000, message: 'berth to be healthy' },
    ).catch(async (cause: unknown) => {
      throw new Error(`berth did not come up:\n${await tail(logPath)}`, { cause });
    });
    if (!isRunning(started)) throw new Error(`berth ended at its start:\n${await tail(logPath)}`);
  }
  async function kill(signal: NodeJS.Signals = 'SIGTERM') {
    if (child) await endProcess(child, signal);
  }
  async function stop() {
    await kill('SIGKILL');
    // A CNI plugin that the daemon ran outlives it for a moment, and may put a file into a folder that is just being emptied.
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    // By its path: node_modules/.bin has another nft.
    await run('/usr/sbin/nft', ['delete', 'table', 'inet', 'berth']).catch(() => {});
    // Replicas that are left have addresses which the next daemon, with leases of its own, gives to others.
    await run('ip', ['link', 'delete', 'openfaas0']).catch(() => {});
  }

  try {
    await start();
    return {
      url,
      port,
      dashboard: options.dashboard ? `http://127.0.0.1:${uiPort}` : undefined,
      folder,
      get pid() {
        if (child?.pid === undefined) throw new Error('berth is not running');
        return child.pid;
      },
      api,
      invoke: (path, init = {}) => request(`/function/${path}`, init),
      log: () => tail(logPath, 2000),
      kill,
      start,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
