/** The cluster that tests run in: test/run kubernetes starts one around them, see test/helpers/kubernetes-lab/lab.sh. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../helpers/poll.ts';
import { run } from '../helpers/processes.ts';

const { LAB: lab, KUBECONFIG } = process.env;
if (!lab || !KUBECONFIG) throw new Error('there is no cluster around this test: sudo test/run kubernetes');

export const kubeconfig = KUBECONFIG;
/** What test/run has left for tests is in it. */
export const labFolder = lab;

/** Runs kubectl as the cluster's administrator, and returns what it printed. */
export async function kubectl(...args: string[]): Promise<string> {
  return (await run('kubectl', args, { maxBuffer: Infinity })).stdout.trim();
}

/** The cluster's only node. */
export const nodeName = (await kubectl('get', 'nodes', '--output', 'name')).replace('node/', '');

/** Makes a namespace for functions, where it is not there yet. */
export async function functionNamespace(name: string, labels: object = { openfaas: '1' }): Promise<void> {
  const manifest = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  const file = join(labFolder, `namespace-${name}.json`);
  await writeFile(file, JSON.stringify(manifest));
  await kubectl('apply', '-f', file);
}

export type ClusterPart = 'kube-apiserver' | 'kubelet' | 'etcd';

/** Ends a part of the cluster as a crash does, and starts it again after so long. */
export async function outage(part: ClusterPart, awayMs: number): Promise<void> {
  const held = join(labFolder, 'held', part);
  await writeFile(held, '');
  for (const pid of await processesOf(part)) process.kill(pid, 'SIGKILL');
  await sleep(awayMs);
  await rm(held);
  await until(async () => (await processesOf(part)).length > 0, { message: part });
}

/** Waits until the API answers, as it does some seconds after its server was started. */
export function untilApiReady(): Promise<string> {
  return until(() => kubectl('get', '--raw', '/readyz'), { timeoutMs: 60_000, message: "the cluster's API" });
}

/** Only those of the cluster are seen here, as it has process ids of its own. */
async function processesOf(part: ClusterPart): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const names = await Promise.all(
    pids.map(async (pid) => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')[0] ?? ''),
  );
  return pids.filter((_, index) => basename(names[index] ?? '') === part).map(Number);
}
