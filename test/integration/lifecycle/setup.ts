import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { TestBerth } from '../../helpers/berth.ts';
import type { TestContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { endProcess } from '../../helpers/processes.ts';
import { statusOf, tasksIn, wholeLog } from '../functions/setup.ts';

export interface FunctionBody {
  service: string;
  image: string;
  namespace?: string;
  envVars?: Record<string, string>;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  secrets?: string[];
  limits?: { memory?: string; cpu?: string };
  readOnlyRootFilesystem?: boolean;
}

/**
 * Asks the API.
 * @throws Error unless it answers with a status below 300
 */
export async function ask(berth: TestBerth, method: string, path: string, body?: unknown): Promise<string> {
  const { status, text } = await berth.api(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  return text;
}

export const deploy = (berth: TestBerth, body: FunctionBody) => ask(berth, 'POST', '/system/functions', body);
export const update = (berth: TestBerth, body: FunctionBody) => ask(berth, 'PUT', '/system/functions', body);
export const remove = (berth: TestBerth, functionName: string) =>
  ask(berth, 'DELETE', '/system/functions', { functionName });
export const scale = (berth: TestBerth, name: string, replicas: number) =>
  ask(berth, 'POST', `/system/scale-function/${name}`, { replicas });

/** A call, with its text if it was answered 200; throws if not. */
export async function callOf(berth: TestBerth, path: string): Promise<string> {
  const { status, text } = await berth.invoke(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  return text.trimEnd();
}

/** Puts it to sleep and waits until no process of its namespace runs. */
export async function putToSleep(berth: TestBerth, containerd: TestContainerd, name: string): Promise<void> {
  await scale(berth, name, 0);
  await until(async () => (await tasksIn(containerd)).every(({ status }) => status === 'CREATED'), {
    timeoutMs: 30_000,
    message: `${name} to sleep`,
  });
  const { replicas } = await statusOf(berth, name);
  if (replicas !== 0) throw new Error(`${name} is awake`);
}

/** The fields of the daemon's log lines with this message about a function, in order. */
export async function logged(berth: TestBerth, message: string, name: string): Promise<Record<string, string>[]> {
  const lines = (await wholeLog(berth)).split('\n').filter((line) => line.includes(` ${message} `));
  const fields = lines.map((line) =>
    Object.fromEntries(
      [...line.matchAll(/ (\w+)=("(?:[^"\\]|\\.)*"|\S+)/g)].map(([, key = '', value = '']) => [key, value]),
    ),
  );
  return fields.filter((line) => line.function?.startsWith(`${name}.`));
}

/** Addresses of a function's replicas that became ready, newest last. The test's host is theirs, so it can ask them past the daemon. */
export async function addressesOf(berth: TestBerth, name: string): Promise<string[]> {
  return (await logged(berth, 'replica ready', name)).flatMap(({ ip }) => ip ?? []);
}

/** Asks a replica past the daemon. */
export async function askReplica(address: string | undefined, path: string): Promise<string> {
  return (await fetch(`http://${address}:8080${path}`)).text();
}

export interface EventCount extends AsyncDisposable {
  readonly count: number;
}

/** Counts containerd's events of a topic from now on. */
export async function countEvents(containerd: TestContainerd, topic: string): Promise<EventCount> {
  const ctr = spawn(join(containerd.binFolder, 'ctr'), ['--address', containerd.address, 'events'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let count = 0;
  let subscribed = false;
  createInterface(ctr.stdout).on('line', (line) => {
    subscribed ||= line.includes(' /namespaces/');
    if (line.includes(` ${topic} `)) count += 1;
  });
  // It does not say when it has begun to listen: something is made happen until it tells.
  for (let round = 0; !subscribed; round += 1) {
    await containerd.ctr('namespaces', 'label', 'openfaas-fn', `test=${round}`);
    await until(() => subscribed, { timeoutMs: 300 }).catch(() => {});
  }
  return {
    get count() {
      return count;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(ctr, 'close');
      await endProcess(ctr);
      await ended;
    },
  };
}
