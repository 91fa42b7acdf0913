import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import { until } from './poll.ts';
import { endProcess, isRunning, run, tail } from './processes.ts';

/** What a query found: the labels of each series, and its value now. */
export interface QueryResult {
  metric: Record<string, string>;
  value: [timestamp: number, value: string];
}

export interface TestPrometheus extends AsyncDisposable {
  query(expression: string): Promise<QueryResult[]>;
}

const prometheusBin = join(cacheFolder, 'prometheus/bin');
const alertmanagerBin = join(cacheFolder, 'alertmanager/bin');

/** Has promtool or amtool check a file, and gives what it says against it. */
export async function check(tool: 'promtool' | 'amtool', ...args: string[]): Promise<string> {
  const program = join(tool === 'amtool' ? alertmanagerBin : prometheusBin, tool);
  return run(program, args).then(
    () => '',
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  );
}

/** Starts Prometheus (Debian's) on port 9090 of loopback with these files in its folder, among them `prometheus.yml`. */
export async function startPrometheus(files: Record<string, string>): Promise<TestPrometheus> {
  const url = 'http://127.0.0.1:9090';
  const server = await start(
    join(prometheusBin, 'prometheus'),
    files,
    (folder) => [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:9090',
    ],
    `${url}/-/ready`,
  );
  return {
    async query(expression) {
      const reply = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expression }),
      });
      const { status, error, data } = (await reply.json()) as {
        status: string;
        error?: string;
        data: { result: QueryResult[] };
      };
      if (status !== 'success') throw new Error(`${expression}: ${error}`);
      return data.result;
    },
    [Symbol.asyncDispose]: server,
  };
}

/** Starts Alertmanager (Debian's) on port 9093 of loopback. */
export async function startAlertmanager(config: string): Promise<AsyncDisposable> {
  const program = join(alertmanagerBin, 'prometheus-alertmanager');
  // Its path to the template that it reads at its start is fixed, and the package is not installed.
  const inShare = 'mount --bind "$1" /usr/share && shift && exec "$@"';
  const stop = await start(
    'unshare',
    { 'alertmanager.yml': config },
    (folder) => [
      ...['--mount', 'sh', '-c', inShare, 'sh', join(alertmanagerBin, '../share'), program],
      `--config.file=${folder}/alertmanager.yml`,
      `--storage.path=${folder}/data`,
      '--web.listen-address=127.0.0.1:9093',
      '--cluster.listen-address=',
    ],
    'http://127.0.0.1:9093/-/ready',
  );
  return { [Symbol.asyncDispose]: stop };
}

/** Starts a program in a folder of its own, and returns what ends it once it is ready. */
async function start(
  program: string,
  files: Record<string, string>,
  args: (folder: string) => string[],
  readyUrl: string,
): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  await mkdir(join(folder, 'data'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const output = await open(join(folder, 'log'), 'a');
  const child = spawn(program, args(folder), { cwd: folder, stdio: ['ignore', output.fd, output.fd] });
  child.on('error', (error) => console.error(`${program}: ${error.message}`));
  await output.close();
  const stop = async () => {
    await endProcess(child, 'SIGKILL');
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(async () => !isRunning(child) || (await fetch(readyUrl)).ok, { timeoutMs: 30_000, message: program });
    if (!isRunning(child)) throw new Error(`${program} ended at its start`);
    return stop;
  } catch (cause) {
    const said = await tail(join(folder, 'log'));
    await stop();
    throw new Error(said, { cause });
  }
}
