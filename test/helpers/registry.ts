import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { until } from './poll.ts';
import { endProcess, isRunning, tail } from './processes.ts';
import { startTokenServer, type TokenServer } from './token-server.ts';

export const registryUsername = 'tester';
export const registryPassword = 'tester-password';
const unpacked = join(cacheFolder, 'registry/bin/docker-registry');
const htpasswd = 'tester:$2y$05$dkF4zq6B5SpAXfvuK4REf.hGbVUDM9MwR2Gh9aTksO9ZwnxyzROUu\n';

export interface TestRegistryOptions {
  /** How it asks who pulls. Default none. */
  auth?: 'none' | 'basic' | 'bearer';
  /** The address that it listens on. Default 127.0.0.1. */
  address?: string;
}

export interface TestRegistry extends AsyncDisposable {
  /** Such as `127.0.0.1:PORT`, the first part of an image reference. */
  readonly host: string;
  readonly url: string;
  /** Its output, with a line for each request. */
  readonly logPath: string;
  /** With `auth: 'bearer'` only. */
  readonly tokens?: TokenServer | undefined;
  /** `GET /v2/…` and so on, in order. */
  requests(): Promise<string[]>;
  /** A request with the rights that it needs. `scope` is such as `repository:fn:pull,push`. */
  fetch(path: string, scope: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/** Starts an OCI registry (Debian's docker-registry) with its data in a temporary folder. */
export async function startRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const { auth = 'none', address = '127.0.0.1' } = options;
  const folder = await mkdtemp(join(tmpdir(), 'registry-'));
  const logPath = join(folder, 'log');
  const tokens =
    auth === 'bearer'
      ? await startTokenServer({ folder, username: registryUsername, password: registryPassword })
      : undefined;
  await writeFile(join(folder, 'htpasswd'), htpasswd);
  await writeFile(join(folder, 'config.yml'), configOf({ folder, address, auth, tokens }));
  const logFile = await open(logPath, 'a');
  const child = spawn(existsSync(unpacked) ? unpacked : 'docker-registry', ['serve', join(folder, 'config.yml')], {
    env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
    stdio: ['ignore', logFile.fd, logFile.fd],
  });
  child.on('error', (error) => console.error(`docker-registry: ${error.message}`));
  await logFile.close();

  async function stop() {
    await endProcess(child, 'SIGKILL');
    await tokens?.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const readLog = () => readFile(logPath, 'utf8');
  const host = await until(
    async () => (isRunning(child) ? /listening on ([\d.]+:\d+)/.exec(await readLog())?.[1] : 'ended'),
    { message: 'the registry' },
  );
  if (host === 'ended') {
    const lines = await tail(logPath);
    await stop();
    throw new Error(`docker-registry ended at its start:\n${lines}`);
  }
  const url = `http://${host}`;
  return {
    host,
    url,
    logPath,
    tokens,
    async requests() {
      return [...(await readLog()).matchAll(/"((?:GET|HEAD|POST|PUT|PATCH|DELETE) \S+) HTTP/g)].map(
        ([, line]) => line ?? '',
      );
    },
    fetch(path, scope, init = {}) {
      const headers = new Headers(init.headers);
      if (auth === 'basic') headers.set('authorization', `Basic ${btoa(`${registryUsername}:${registryPassword}`)}`);
      if (tokens) headers.set('authorization', `Bearer ${tokens.token(scope)}`);
      return fetch(new URL(path, url), { ...init, headers });
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface ConfigOptions extends Required<TestRegistryOptions> {
  folder: string;
  tokens: TokenServer | undefined;
}

function configOf({ folder, address, auth, tokens }: ConfigOptions): string {
  const sections = {
    none: '',
    basic: `auth:
  htpasswd:
    realm: test
    path: ${folder}/htpasswd
`,
    bearer: `auth:
  token:
    realm: ${tokens?.url}
    service: ${tokens?.service}
    issuer: ${tokens?.issuer}
    rootcertbundle: ${tokens?.certificatePath}
`,
  };
  return `version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: ${folder}/data
  delete:
    enabled: true
http:
  addr: ${address}:0
${sections[auth]}`;
}
