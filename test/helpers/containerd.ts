import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { until } from './poll.ts';
import { endProcess, isRunning, run, tail } from './processes.ts';

export interface TestContainerdOptions {
  /** Folder with the binaries of one containerd line; by default $BERTH_TEST_CONTAINERD, the cached lines, the host. */
  binFolder?: string;
  /** TOML that is appended to the configuration. */
  config?: string;
  /** Puts its root folder on a file system of its own, in memory, of this size in MiB. */
  rootMebibytes?: number;
}

export interface TestContainerd extends AsyncDisposable {
  /** Path of its gRPC socket. */
  readonly address: string;
  /** Everything of this daemon is under this folder: root, state, socket, configuration, log. */
  readonly folder: string;
  readonly root: string;
  readonly state: string;
  readonly binFolder: string;
  /** Such as `1.7.24`. */
  readonly version: string;
  readonly pid: number;
  /** The last lines of its log. */
  log(): Promise<string>;
  /** Runs `ctr --address …` with these arguments and gives its stdout. */
  ctr(...args: string[]): Promise<string>;
  /** Ends the daemon and waits for its end; shims and tasks live on. Default SIGTERM. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again after `kill`. */
  start(): Promise<void>;
  /** `kill` and `start`. */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /** Ends the daemon, its shims and tasks, unmounts and deletes all that was theirs. */
  stop(): Promise<void>;
}

const runcRoot = '/run/containerd/runc';

/** Starts a containerd of its own, which shares nothing with the host's. Needs root and runc. */
export async function startContainerd(options: TestContainerdOptions = {}): Promise<TestContainerd> {
  const binFolder = options.binFolder ?? defaultBinFolder();
  // A unix socket's path has 107 bytes at most, so the folder's is kept short.
  const folder = await mkdtemp(join(tmpdir(), 'ctd-'));
  const address = join(folder, 'c.sock');
  const root = join(folder, 'root');
  const state = join(folder, 'state');
  const logPath = join(folder, 'log');
  await mkdir(root);
  if (options.rootMebibytes) await run('mount', ['-t', 'tmpfs', '-o', `size=${options.rootMebibytes}m`, 'tmpfs', root]);
  await mkdir(state);
  await writeFile(join(folder, 'config.toml'), configOf(folder) + (options.config ?? ''));
  const log = () => tail(logPath);
  const ctr = async (...args: string[]) => (await run(join(binFolder, 'ctr'), ['--address', address, ...args])).stdout;

  let child: ChildProcess | undefined;
  async function kill(signal: NodeJS.Signals = 'SIGTERM') {
    const ending = child;
    child = undefined;
    if (ending) await endProcess(ending, signal);
  }
  async function start() {
    const started = await spawnContainerd(binFolder, folder, logPath);
    child = started;
    started.once('exit', (code, signal) => {
      if (child === started)
        void log().then((lines) => console.error(`containerd ended (${code ?? signal}):\n${lines}`));
    });
    await until(async () => !isRunning(started) || (await ctr('version')), {
      timeoutMs: 30_000,
      message: 'containerd',
    }).catch(async (cause: unknown) => {
      throw new Error(`containerd did not come up:\n${await log()}`, { cause });
    });
    if (!isRunning(started)) throw new Error(`containerd ended at its start:\n${await log()}`);
  }
  async function stop() {
    await kill('SIGKILL');
    await endTasks(state, address);
    await unmountUnder(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }

  try {
    await start();
    const version = await versionOf(binFolder);
    return {
      address,
      folder,
      root,
      state,
      binFolder,
      version,
      get pid() {
        if (child?.pid === undefined) throw new Error('containerd is not running');
        return child.pid;
      },
      log,
      ctr,
      kill,
      start,
      async restart(signal) {
        await kill(signal);
        await start();
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function defaultBinFolder(): string {
  const candidates = [
    process.env['BERTH_TEST_CONTAINERD'],
    ...['2', '1.7', '1.6'].map((line) => join(cacheFolder, 'containerd', line, 'bin')),
    '/usr/bin',
  ];
  const found = candidates.find((folder) => folder && existsSync(join(folder, 'containerd')));
  if (!found) throw new Error('no containerd found: run test/helpers/unpack.sh');
  return found;
}

function configOf(folder: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime",
  "io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.blockfile", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
  address = "${folder}/c.sock"
[ttrpc]
  address = "${folder}/c.sock.ttrpc"
`;
}

/** The log is a file and not a pipe, so that shims, which inherit it, outlive us unharmed. */
async function spawnContainerd(binFolder: string, folder: string, logPath: string): Promise<ChildProcess> {
  const logFile = await open(logPath, 'a');
  const child = spawn(join(binFolder, 'containerd'), ['--config', join(folder, 'config.toml')], {
    // containerd finds the shim of its own line through PATH.
    env: { ...process.env, PATH: `${binFolder}${delimiter}${process.env['PATH']}`, TMPDIR: folder },
    stdio: ['ignore', logFile.fd, logFile.fd],
  });
  child.on('error', (error) => console.error(error.message));
  await logFile.close();
  return child;
}

async function versionOf(binFolder: string): Promise<string> {
  const { stdout } = await run(join(binFolder, 'containerd'), ['--version']);
  const version = /\s(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (!version) throw new Error(`no version in ${stdout}`);
  return version;
}

/** Done without the daemon, which may be the very thing a test has broken. */
async function endTasks(state: string, address: string): Promise<void> {
  const bundles = join(state, 'io.containerd.runtime.v2.task');
  for (const namespace of await entriesOf(bundles)) {
    for (const id of await entriesOf(join(bundles, namespace))) {
      await run('runc', ['--root', join(runcRoot, namespace), 'delete', '--force', id]).catch((error: unknown) => {
        if (existsSync(join(runcRoot, namespace, id))) throw error;
      });
      await removeShimSocket(join(bundles, namespace, id));
    }
  }
  await until(
    async () => {
      const shims = await shimsOf(address);
      for (const pid of shims) process.kill(pid, 'SIGKILL');
      return shims.length === 0;
    },
    { message: 'the end of the shims' },
  );
}

/** The bundle names its shim's socket in `address` (1.x) or in `bootstrap.json` (2.x). */
async function removeShimSocket(bundle: string): Promise<void> {
  for (const file of ['address', 'bootstrap.json']) {
    const content = await readFile(join(bundle, file), 'utf8').catch(() => '');
    const path = /unix:\/\/(\/[\w./-]+)/.exec(content)?.[1];
    if (path) await rm(path, { force: true });
  }
}

async function shimsOf(address: string): Promise<number[]> {
  const pids = (await entriesOf('/proc')).filter((name) => /^\d+$/.test(name));
  const shims = await Promise.all(pids.map(async (pid) => ((await isShimOf(pid, address)) ? [Number(pid)] : [])));
  return shims.flat();
}

async function isShimOf(pid: string, address: string): Promise<boolean> {
  const args = (await readFile(join('/proc', pid, 'cmdline'), 'utf8').catch(() => '')).split('\0');
  return /containerd-shim/.test(args[0] ?? '') && args[args.indexOf('-address') + 1] === address;
}

async function unmountUnder(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' ')[4] ?? '');
  const ours = mounts.filter((path) => path.startsWith(`${folder}/`));
  for (const path of ours.reverse()) await run('umount', ['--lazy', path]);
}

async function entriesOf(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
