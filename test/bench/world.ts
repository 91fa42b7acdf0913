import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replicasOf, startHost, statusOf, tasksIn, tasksOf, type TestHost } from '../integration/functions/setup.ts';
import { deploy, scale, type FunctionBody } from '../integration/lifecycle/setup.ts';
import type { TestBerth } from '../helpers/berth.ts';
import { cacheFolder } from '../helpers/cache.ts';
import { buildImage } from '../helpers/images.ts';
import { until } from '../helpers/poll.ts';
import { run } from '../helpers/processes.ts';
import type { TestRegistry } from '../helpers/registry.ts';
import type { Figures } from './figures.ts';
import type { Peer } from './peer.ts';

/** What a case measures with, and how much. */
export interface Bench {
  figures: Figures;
  quick: boolean;
  /** Which calls to make, by their names. */
  match: RegExp;
  /** What Node.js is given to start berth as it is installed. */
  program: string[];
  /** Another server to put beside berth. */
  peer?: Peer;
  say(what: string): void;
}

export interface World extends TestHost, AsyncDisposable {
  /** The function of the benchmark. */
  image: string;
}

/** A containerd, a registry with the benchmark's function, and a berth as it is installed. */
export async function startWorld({ program }: Bench, env: Record<string, string> = {}): Promise<World> {
  const host = await startHost({
    program,
    isGivenSocket: true,
    env: { log_level: 'info', networks_ready: '2', ...env },
  });
  try {
    const image = await benchImage(host.registry);
    return { ...host, image, [Symbol.asyncDispose]: () => host.stop() };
  } catch (error) {
    await host.stop();
    throw error;
  }
}

/** Pushes the image of test/fixtures/bench-function.go. */
export async function benchImage(registry: TestRegistry): Promise<string> {
  const content = await readFile(await compileFunction());
  const layers = [{ function: { content, mode: 0o755 } }];
  const config = { Entrypoint: ['/function'], User: '1000' };
  return (await buildImage({ registry, name: 'bench', layers, config })).reference;
}

async function compileFunction(): Promise<string> {
  const source = join(import.meta.dirname, '../fixtures/bench-function.go');
  const version = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12);
  const binary = join(cacheFolder, 'fixtures', `bench-function-${version}`);
  if (existsSync(binary)) return binary;
  await mkdir(join(cacheFolder, 'fixtures'), { recursive: true });
  await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', binary, source], {
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod', GOWORK: 'off' },
  });
  return binary;
}

/** Waits until the function answers 200, asking as fast as it answers; the first time that it does ends it. */
export async function untilAnswers(url: string, isWanted: (text: string) => boolean = () => true): Promise<void> {
  await until(
    async () => {
      const response = await fetch(url);
      return isWanted(await response.text()) && response.status === 200;
    },
    { timeoutMs: 60_000, intervalMs: 1, message: `${url} to answer` },
  );
}

/** Deploys and waits for the first 200. */
export async function deployed(berth: TestBerth, body: FunctionBody): Promise<void> {
  await deploy(berth, body);
  await untilAnswers(`${berth.url}/function/${body.service}`);
}

/** Where the only replica of a function listens, which this host reaches past berth. */
export async function addressOf({ containerd }: TestHost, name: string): Promise<string> {
  const [task] = await tasksOf(containerd, name);
  if (!task) throw new Error('the function does not run');
  const { stdout } = await run('nsenter', ['--net', '--target', String(task.pid), 'hostname', '-I']);
  return stdout.trim().split(' ')[0] ?? '';
}

/** Scales it to zero and waits until its process has ended, or waits for its start where it stands by. */
export async function sleepNow({ berth, containerd }: TestHost, name: string, depth = 'cold'): Promise<void> {
  await scale(berth, name, 0);
  const wanted = depth === 'standby' ? ['CREATED'] : [];
  await until(
    async () => {
      const [ids, tasks] = await Promise.all([replicasOf(containerd, name), tasksIn(containerd)]);
      const states = tasks.filter(({ container }) => ids.includes(container)).map(({ status }) => status);
      return states.join() === wanted.join() && (await statusOf(berth, name)).availableReplicas === 0;
    },
    { timeoutMs: 30_000, message: `${name} to sleep` },
  );
}
