/** argv and environment -> the daemon, or a verb of the command line. The only file that reads process.env or exits. */
import path from 'node:path';
import { forgoFetch } from './base/forgo-fetch.ts';
import { createLog, describeError, type Log } from './base/log.ts';

/** The first with `shouldUpgradeCallback`, which refuses upgrades of everything but functions. */
const oldestNode = [24, 9];

async function runDaemon(env: NodeJS.ProcessEnv, journal: boolean): Promise<void> {
  // The client of a cluster needs it.
  if (env.backend?.trim() !== 'kubernetes') forgoFetch();
  const { openChosenBackEnd, readDaemonConfig, readVersion, serveDaemon } = await import('./daemon/index.ts');
  const config = readDaemonConfig(env);
  const log = createLog({ level: config.logLevel, journal });
  tellFaults(log);
  const version = await readVersion(path.join(import.meta.dirname, '..'));
  const backEnd = await openChosenBackEnd({ config, env, version, at: crashAt(env.berth_crash_at), log });
  await serveDaemon(backEnd, { config, env, version, signal: endSignal(), log });
}

/** Tells of an error that nobody handles. What state it leaves nobody knows, so that Node.js ends the process, and prints where it was. */
function tellFaults(log: Log): void {
  process.on('uncaughtExceptionMonitor', (error, origin) =>
    log.error('berth ends by a fault of its own, functions run on: report what follows', { error, origin }),
  );
}

/** Aborts when the process is asked to end. */
function endSignal(): AbortSignal {
  const ending = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ending.abort());
  return ending.signal;
}

/** Ends the process as a crash would, at one of the fault points: for tests. */
function crashAt(wanted: string | undefined) {
  return (point: string) => {
    if (point === wanted) process.kill(process.pid, 'SIGKILL');
  };
}

function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  throw new Error(`Node.js ${process.version} is too old: berth needs ${oldestNode.join('.')}, see install.sh runtime`);
}

async function runVerb(args: string[]): Promise<number> {
  // The daemon has no use for it, nor for the memory that it takes.
  const { runCli, serviceEnvironment } = await import('./cli/index.ts');
  let envError: Error | undefined;
  const env = await serviceEnvironment(process.env).catch((error: Error) => {
    envError = error;
    return process.env;
  });
  const folder = path.join(import.meta.dirname, '..');
  const { stdin, stdout, stderr } = process;
  // Whoever read it has gone, as `head` does.
  stdout.once('error', () => process.exit(1));
  return runCli(args, { env, envError, stdin, stdout, stderr, folder, signal: endSignal() });
}

/** Resolves when a reader has taken what was written: what waits for a slow one would go with the process. */
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => void stream.write('', () => resolve()));
}

async function main(): Promise<void> {
  const { env, argv } = process;
  if (argv.length > 2) {
    process.exitCode = await runVerb(argv.slice(2)).catch((error: unknown) => {
      process.stderr.write(`berth: ${describeError(error)}\n`);
      return 1;
    });
    await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
    // What hangs, such as a look at a dead disk, must not hold the process.
    process.exit();
  }
  const journal = env.JOURNAL_STREAM !== undefined;
  try {
    checkNode();
    await runDaemon(env, journal);
  } catch (error) {
    createLog({ journal }).error(`berth cannot start: ${describeError(error)}`);
    process.exitCode = 1;
  }
  // Connections that nobody waits for must not hold the process.
  process.exit();
}

void main();
