import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionFacts } from '../../../src/provider/index.ts';
import { startBerth, type TestBerth, type TestBerthOptions } from '../../helpers/berth.ts';
import { startContainerd, type TestContainerd, type TestContainerdOptions } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry, type TestRegistry } from '../../helpers/registry.ts';

export interface TestHost {
  containerd: TestContainerd;
  registry: TestRegistry;
  berth: TestBerth;
  stop(): Promise<void>;
}

/** A containerd, a registry and a daemon on them. */
export async function startHost(
  options: Pick<TestBerthOptions, 'env' | 'program' | 'isGivenSocket' | 'dashboard'> &
    Pick<TestContainerdOptions, 'rootMebibytes'> = {},
): Promise<TestHost> {
  const { rootMebibytes, ...ofBerth } = options;
  const [containerd, registry] = await Promise.all([startContainerd({ rootMebibytes }), startRegistry()]);
  const stopParts = () => Promise.all([containerd.stop(), registry.stop()]);
  try {
    const berth = await startBerth({ containerd, ...ofBerth });
    return {
      containerd,
      registry,
      berth,
      async stop() {
        // A containerd that is left running would keep the test's process from ending.
        await berth.stop().finally(stopParts);
      },
    };
  } catch (error) {
    await stopParts();
    throw error;
  }
}

export interface StatusAnswer {
  name: string;
  namespace: string;
  replicas: number;
  availableReplicas: number;
  image: string;
  annotations: Record<string, string>;
  /** Of the status of one function. */
  berth: FunctionFacts;
  envVars?: Record<string, string>;
}

export async function statusOf(berth: TestBerth, name: string, query = ''): Promise<StatusAnswer> {
  const { status, text } = await berth.api('GET', `/system/function/${name}${query}`);
  if (status !== 200) throw new Error(`status of ${name}: ${status} ${text}`);
  return JSON.parse(text) as StatusAnswer;
}

export async function listOf(berth: TestBerth, namespace = 'openfaas-fn'): Promise<StatusAnswer[]> {
  const { status, text } = await berth.api('GET', `/system/functions?namespace=${namespace}`);
  if (status !== 200) throw new Error(`list of ${namespace}: ${status} ${text}`);
  return JSON.parse(text) as StatusAnswer[];
}

/** Waits until the status is as wanted, with no call made, and gives it. */
export async function untilStatus(
  berth: TestBerth,
  name: string,
  isWanted: (status: StatusAnswer) => boolean,
): Promise<StatusAnswer> {
  return until(
    async () => {
      const status = await statusOf(berth, name);
      return isWanted(status) ? status : undefined;
    },
    { timeoutMs: 30_000, message: `the status of ${name}` },
  );
}

/** Waits until the function has as many replicas ready, with no call made. */
export function untilAvailable(berth: TestBerth, name: string, count: number): Promise<StatusAnswer> {
  return untilStatus(berth, name, ({ availableReplicas }) => availableReplicas === count);
}

export interface Task {
  container: string;
  pid: number;
  status: string;
}

/** What containerd says of the tasks of a namespace, sorted by container. */
export async function tasksIn(containerd: TestContainerd, namespace = 'openfaas-fn'): Promise<Task[]> {
  const text = await containerd.ctr('--namespace', namespace, 'tasks', 'list');
  const rows = text.trim().split('\n').slice(1);
  return rows
    .map((row) => row.split(/\s+/))
    .map(([container = '', pid, status = '']) => ({ container, pid: Number(pid), status }))
    .sort((a, b) => a.container.localeCompare(b.container));
}

/** The container ids of a function's replicas. */
export async function replicasOf(containerd: TestContainerd, name: string, namespace = 'openfaas-fn') {
  const filter = `labels."com.openfaas.berth.function"==${name}`;
  const ids = await containerd.ctr('--namespace', namespace, 'containers', 'list', '--quiet', filter);
  return ids.split('\n').filter(Boolean);
}

/** The running tasks of a function. */
export async function tasksOf(containerd: TestContainerd, name: string, namespace = 'openfaas-fn'): Promise<Task[]> {
  const [ids, tasks] = await Promise.all([replicasOf(containerd, name, namespace), tasksIn(containerd, namespace)]);
  return tasks.filter(({ container, status }) => ids.includes(container) && status === 'RUNNING');
}

/** Waits until a function has a running task, and gives the first. */
export function taskOf(containerd: TestContainerd, name: string, timeoutMs = 30_000): Promise<Task> {
  return until(async () => (await tasksOf(containerd, name))[0], { timeoutMs, message: `a task of ${name}` });
}

/** The daemon's whole log, of all its lives. */
export function wholeLog(berth: TestBerth): Promise<string> {
  return readFile(join(berth.folder, 'berth.log'), 'utf8');
}
