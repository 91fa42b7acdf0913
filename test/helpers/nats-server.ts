import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { until } from './poll.ts';
import { endProcess, isRunning, tail } from './processes.ts';

const unpacked = join(cacheFolder, 'nats/bin/nats-server');

export interface TestNatsServer extends AsyncDisposable {
  /** Such as `127.0.0.1:PORT`; the same after a restart. */
  readonly host: string;
  readonly logPath: string;
  /** Ends it at once; what it has kept stays. */
  kill(): Promise<void>;
  /** Starts it again where it was killed. */
  start(): Promise<void>;
}

/**
 * Starts Debian's nats-server with JetStream, its files in a temporary folder.
 * @param options.settings lines for its configuration, such as who may log in
 * @param options.jetstream lines for JetStream's part of it
 */
export async function startNatsServer({ settings = '', jetstream = '' } = {}): Promise<TestNatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nats-'));
  const [configPath, logPath] = [join(folder, 'nats.conf'), join(folder, 'log')];
  let child: ChildProcess | undefined;
  let port = -1;

  async function start() {
    const before = (await readLog()).length;
    await writeFile(
      configPath,
      `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${folder}/data"\n${jetstream} }\n${settings}\n`,
    );
    const log = await open(logPath, 'a');
    const path = existsSync(unpacked) ? unpacked : 'nats-server';
    const started = spawn(path, ['--config', configPath], { stdio: ['ignore', log.fd, log.fd] });
    child = started;
    started.on('error', (error) => console.error(`nats-server: ${error.message}: run test/helpers/unpack.sh nats`));
    await log.close();
    const readiness = await until(
      async () => (isRunning(started) ? isReady((await readLog()).slice(before)) : 'ended'),
      {
        message: 'nats-server',
        timeoutMs: 30_000,
      },
    );
    if (readiness === 'ended') throw new Error(`nats-server ended at its start:\n${await tail(logPath)}`);
    port = Number(/client connections on 127\.0\.0\.1:(\d+)/.exec(await readLog())?.[1]);
  }
  const readLog = () => readFile(logPath, 'utf8').catch(() => '');
  const isReady = (log: string) => log.includes('Server is ready');
  const kill = async () => child && endProcess(child, 'SIGKILL');
  await start();
  return {
    host: `127.0.0.1:${port}`,
    logPath,
    kill,
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
