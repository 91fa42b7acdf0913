import pLimit from 'p-limit';
import type { PartHealth } from '../base/part-health.ts';
import type { Config } from '../daemon/index.ts';
import type { FunctionStatus, VersionInfo } from '../provider/index.ts';
import { ApiClient } from './api-client.ts';

/** A function as `berth status` shows it. */
export interface FunctionView {
  namespace: string;
  name: string;
  image: string;
  /** Replicas; 0 where it sleeps. */
  wanted: number;
  ready: number;
  asleep: boolean;
  /** Why it is not ready, in words; absent where it is, or where nobody knows. */
  reason?: string;
}

/** What the daemon says of itself. */
export interface DaemonView {
  release: string;
  sha: string;
  /** As /healthz says: every function has had its turn since the start. */
  ready: boolean;
  parts: PartHealth[];
  functions: FunctionView[];
}

const timeoutMs = 15_000;
const atOnce = 8;

/**
 * Asks the daemon of this host for all that it knows of itself and its functions.
 * @throws Error saying why it cannot be asked
 */
export async function daemonView(config: Config, stopped: AbortSignal): Promise<DaemonView> {
  const api = await ApiClient.open(config);
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)]);
  const limit = pLimit(atOnce);
  const ask = async <T>(path: string) => (await limit(() => api.json(path, { signal }))) as T;
  const [{ version }, health, namespaces] = await Promise.all([
    ask<{ version: VersionInfo }>('/system/info'),
    ask<Pick<DaemonView, 'ready' | 'parts'>>('/system/parts'),
    ask<string[]>('/system/namespaces'),
  ]);
  const lists = namespaces.map((name) => ask<FunctionStatus[]>(`/system/functions?namespace=${name}`));
  const listed = (await Promise.all(lists)).flat().sort(byName);
  const functions = listed.map(async (status) => {
    if (status.availableReplicas >= status.replicas) return viewOf(status);
    // The list does not say why; a function may have been removed meanwhile.
    const path = `/system/function/${status.name}?namespace=${status.namespace}`;
    return viewOf(await ask<FunctionStatus>(path).catch(() => status));
  });
  const { release, sha } = version;
  return { release, sha, ...health, functions: await Promise.all(functions) };
}

function viewOf(status: FunctionStatus): FunctionView {
  const { namespace, name, image, replicas: wanted, availableReplicas: ready, berth = {} } = status;
  const { reason, lastExit, failedUpdate } = berth;
  const said = [reason, lastExit && `ended last: ${lastExit}`, failedUpdate && `last update: ${failedUpdate}`];
  const why = ready < wanted ? said.filter((words) => words !== undefined).join('; ') : '';
  return { namespace, name, image, wanted, ready, asleep: wanted === 0, ...(why && { reason: why }) };
}

function byName(one: FunctionStatus, other: FunctionStatus): number {
  return one.namespace.localeCompare(other.namespace) || one.name.localeCompare(other.name);
}
