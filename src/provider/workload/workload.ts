import { quote } from '../../base/quote.ts';
import { checkSecretName } from '../names.ts';
import { BadRequestError } from '../provider-errors.ts';
import { toBytes } from '../quantity.ts';
import type { FunctionDeployment } from '../types.ts';
import { asyncRuleOf, type AsyncRule } from './async-rule.ts';
import { readDns, type Dns } from './dns.ts';
import { livenessOf, readinessOf, type ProbeSettings } from './probes.ts';
import { pullPolicies, type PullPolicy } from './pull-policy.ts';
import { oneOf, SettingReader } from './read-setting.ts';
import { scalingRule, type ScalingRule } from './scaling-rule.ts';
import { readSchedules, type ScheduleRule } from './schedule-rule.ts';

/**
 * What the labels and annotations of a function mean. Each can be read: what is no value counts as absent, as in what was
 * stored before it was refused. `checkWorkload` refuses it, as `capabilitiesOf` and `resourcesOf` do.
 */
export interface Workload {
  readonly scaling: ScalingRule;
  readonly async: AsyncRule;
  /** What a sleeping replica keeps: `standby` a task that waits for its start, `cold` all but that. */
  readonly zeroDepth: 'cold' | 'standby';
  readonly pullPolicy?: PullPolicy;
  /** The secret with the registry logins of this function. */
  readonly pullSecret?: string;
  readonly dns: Dns;
  /** Tells whether a replica can take calls. */
  readonly readiness: ProbeSettings;
  /** Tells whether a replica must be replaced. */
  readonly liveness: ProbeSettings;
  /** How long its own probes allow a replica until it is ready; 0 where they say nothing of time. */
  readonly startAllowedMs: number;
  /** Bytes that a replica may take on the host's disk, Infinity for any; absent where the host's own limit holds. */
  readonly diskLimitBytes?: number;
  /** When it is called without a caller; absent where it never is. */
  readonly schedule?: ScheduleRule;
  /** What a deployer is told of labels and annotations that cannot be read, and of how to write them. */
  readonly unreadable: string[];
}

/** The port on which every function listens. */
export const functionPort = 8080;

const zeroDepths = ['cold', 'standby'] as const;

const workloads = new WeakMap<FunctionDeployment, Workload>();

/**
 * Reads what a function asks for, once for each object: a deployment is never changed, only replaced.
 * @param deployment of a function, or its status
 */
export function workloadOf(deployment: FunctionDeployment): Workload {
  const known = workloads.get(deployment);
  if (known) return known;
  const workload = readWorkload(deployment);
  workloads.set(deployment, workload);
  return workload;
}

/**
 * Refuses a deployment with a label or annotation of ours that cannot be read.
 * @throws BadRequestError naming the first one, and how to write it
 */
export function checkWorkload(deployment: FunctionDeployment): void {
  const [wrong] = workloadOf(deployment).unreadable;
  if (wrong) throw new BadRequestError(wrong);
}

function readWorkload(deployment: FunctionDeployment): Workload {
  const { labels = {}, annotations = {} } = deployment;
  const scaling = scalingRule(labels, annotations);
  const async = asyncRuleOf(deployment);
  const readiness = readinessOf(annotations);
  const liveness = livenessOf(annotations);
  const depth = new SettingReader(labels, 'com.openfaas.scale.');
  const policy = new SettingReader(annotations, 'com.openfaas.image.');
  const names = new SettingReader(annotations, 'com.openfaas.dns.');
  const berth = new SettingReader(annotations, 'com.openfaas.berth.');
  const schedules = readSchedules(annotations);
  return {
    scaling,
    async,
    zeroDepth: depth.read('zero-depth', oneOf(zeroDepths), 'cold or standby') ?? 'cold',
    pullPolicy: policy.read('pull-policy', oneOf(pullPolicies), 'Always, IfNotPresent or Never'),
    pullSecret: readPullSecret(policy),
    dns: readDns(names),
    readiness,
    liveness,
    startAllowedMs: Math.max(readiness.startAllowedMs, liveness.startAllowedMs),
    diskLimitBytes: berth.read('disk-limit', toDiskLimit, 'an amount such as 2Gi, or 0 for no limit'),
    schedule: schedules.rule,
    unreadable: [scaling, async, readiness, liveness, depth, policy, names, berth, schedules].flatMap(
      ({ unreadable }) => unreadable,
    ),
  };
}

/** A secret's name may be longer than any other setting. */
function readPullSecret(settings: SettingReader): string | undefined {
  const name = settings.text('pull-secret')?.trim();
  if (!name) return undefined;
  try {
    return checkSecretName(name);
  } catch {
    settings.refuse(
      'pull-secret',
      `${quote(name)} is no name of a secret`,
      'the name of one, with a docker config.json',
    );
    return undefined;
  }
}

/** Parses an amount of disk, where 0 is any. */
function toDiskLimit(text: string): number | undefined {
  const bytes = toBytes(text);
  return bytes === 0 ? Infinity : bytes;
}

/**
 * Bounds the replicas that a caller asks for by the scaling labels, as far as they are set.
 * @param replicas asked for; 0 is always allowed
 */
export function clampReplicas(deployment: FunctionDeployment, replicas: number): number {
  if (replicas === 0) return 0;
  const { min, limit } = workloadOf(deployment).scaling;
  return Math.min(Math.max(replicas, min), limit);
}
