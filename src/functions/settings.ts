import { parseSecondsOrGoDuration, type FunctionDeployment } from '../provider/index.ts';
import type { PullPolicy } from './images/index.ts';

/** Where every watchdog listens. */
export const functionPort = 8080;

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
  return durationMs(gracePeriod) ?? durationMs(writeTimeout);
}

/** The annotation `com.openfaas.image.pull-policy`, when it names a policy. */
export function pullPolicyOf({ annotations }: FunctionDeployment): PullPolicy | undefined {
  return pullPolicies.find((policy) => policy === annotations?.['com.openfaas.image.pull-policy']);
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** These variables are the function's own: one that we cannot read is no reason to refuse it. */
function durationMs(text: string | undefined): number | undefined {
  try {
    return text === undefined ? undefined : parseSecondsOrGoDuration(text);
  } catch {
    return undefined;
  }
}
