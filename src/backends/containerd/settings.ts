import { parseSecondsOrGoDuration, type FunctionDeployment } from '../../provider/index.ts';
import type { PullPolicy } from './images/index.ts';

/** Where every watchdog listens. */
export const functionPort = 8080;

const longestTimerMs = 2 ** 31 - 1;
const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const satisfies PullPolicy[];

/** `com.openfaas.scale.min`, at least 1: also the replicas of a first deployment and of a wake. */
export function minReplicasOf({ labels }: FunctionDeployment): number {
  return Math.max(1, wholeNumber(labels?.['com.openfaas.scale.min']) ?? 1);
}

/** `replicas` within the labels `com.openfaas.scale.min` and `.max`, as far as they are set; 0 is always allowed. */
export function clampReplicas({ labels }: FunctionDeployment, replicas: number): number {
  if (replicas === 0) return 0;
  const min = wholeNumber(labels?.['com.openfaas.scale.min']) ?? 1;
  const max = wholeNumber(labels?.['com.openfaas.scale.max']) ?? Infinity;
  return Math.max(1, Math.min(Math.max(replicas, min), Math.max(max, min)));
}

/** What a sleeping replica keeps: `cold` its record, snapshot and network; `standby` also a task that waits for its start. */
export function zeroDepthOf({ labels }: FunctionDeployment): 'cold' | 'standby' {
  return labels?.['com.openfaas.scale.zero-depth'] === 'standby' ? 'standby' : 'cold';
}

/** The watchdog's own limit of calls at once. */
export function maxInflightOf({ envVars }: FunctionDeployment): number {
  return wholeNumber(envVars?.max_inflight) || Infinity;
}

/** How long calls in flight may take to finish, by the function's own settings, in milliseconds. */
export function drainMsOf(deployment: FunctionDeployment | undefined): number | undefined {
  const { grace_period: gracePeriod, write_timeout: writeTimeout } = deployment?.envVars ?? {};
  // Go's write timeout of 0 is none at all.
  return durationMs(gracePeriod) ?? (durationMs(writeTimeout) || undefined);
}

/** The annotation `com.openfaas.image.pull-policy`, when it names a policy. */
export function pullPolicyOf({ annotations }: FunctionDeployment): PullPolicy | undefined {
  return pullPolicies.find((policy) => policy === annotations?.['com.openfaas.image.pull-policy']);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/**
 * Milliseconds of a setting of the function's own, such as `90s`, as far as a timer can hold them; undefined for none
 * that we can read, which is no reason to refuse the function.
 */
export function durationMs(text: string | undefined): number | undefined {
  try {
    const ms = text ? parseSecondsOrGoDuration(text) : -1;
    return ms < 0 ? undefined : Math.min(ms, longestTimerMs);
  } catch {
    return undefined;
  }
}
