import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import { workloadOf, type FunctionFacts, type FunctionStatus } from '../../provider/index.ts';
import { generationLabel } from './cluster-labels.ts';
import { isoTime } from './cluster-time.ts';
import type { KnownFunction } from './function-watch.ts';
import { nameOf } from './object-store.ts';
import { isContainerReady, lastExitOf, podTrouble, restartsOf, type ProcessExit } from './pod-trouble.ts';
import { toFunctionVersion, type StoredVersion, type StoredVersions } from './stored-version.ts';

/** Returns the version that takes calls: the one that is wanted, or the one before while that alone is ready. */
export function servedVersion({ current, previous }: StoredVersions, ready: Set<string>): StoredVersion {
  const isOldAlone = previous && !ready.has(current.generation) && ready.has(previous.generation);
  return isOldAlone ? previous : current;
}

const statuses = new WeakMap<V1Deployment, { of: StoredVersion; status: FunctionStatus }>();

/**
 * Returns a status as the list shows it. The same object as before where nothing has changed, so it is not to be changed.
 * @param ready which versions take calls
 */
export function clusterStatus(known: KnownFunction, availableReplicas: number, ready: Set<string>): FunctionStatus {
  const { object, versions } = known;
  const served = servedVersion(versions, ready);
  const { deployment } = served;
  const before = statuses.get(object);
  if (before?.of === served && before.status.availableReplicas === availableReplicas) return before.status;
  const status: FunctionStatus = {
    ...deployment,
    labels: deployment.labels ?? {},
    annotations: deployment.annotations ?? {},
    replicas: object.spec?.replicas ?? 1,
    availableReplicas,
    createdAt: isoTime(object.metadata?.creationTimestamp),
  };
  statuses.set(object, { of: served, status });
  return status;
}

/** What is known of a function beside its objects. */
interface FactsSource {
  /** Which versions take calls. */
  ready: Set<string>;
  /** Ids of those that take calls. */
  replicas: string[];
  /** Returns what the cluster warned of last about a Pod. */
  warningOf: (pod: string) => string | undefined;
}

/**
 * Returns what only the status of one function says.
 * @param pods all of the function's
 */
export function clusterFacts(
  { object, versions }: KnownFunction,
  pods: V1Pod[],
  { ready, replicas, warningOf }: FactsSource,
): FunctionFacts {
  const { current, previous } = versions;
  const served = servedVersion(versions, ready);
  const isReplacing = served !== current;
  const ofServed = ofGeneration(pods, served.generation);
  const reason = whyNotReady(object, ofGeneration(pods, current.generation), warningOf);
  const { warnings } = workloadOf(served.deployment).scaling;
  const exit = lastExit(ofServed);
  const isShort = replicas.length < (object.spec?.replicas ?? 1);
  return {
    generation: served.generation,
    deployedAt: served.deployedAt,
    imageDigest: ofServed.flatMap((pod) => digestOf(pod) ?? [])[0],
    candidate: isReplacing ? toFunctionVersion(current) : undefined,
    previous: previous && !isReplacing ? toFunctionVersion(previous) : undefined,
    ready: replicas,
    reason: !isReplacing && isShort ? reason : undefined,
    restarts: ofServed.reduce((sum, pod) => sum + restartsOf(pod), 0),
    lastExit: exit?.words,
    failedUpdate: isReplacing ? reason : versions.failedUpdate,
    warnings: warnings.length > 0 ? warnings : undefined,
  };
}

/**
 * Says why an update has failed, while the version before it takes calls; undefined where it has not, or may succeed yet.
 * @param known the function
 * @param pods all of the function's
 * @param ready which versions take calls
 */
export function updateFailure(known: KnownFunction, pods: V1Pod[], ready: Set<string>): string | undefined {
  const { object, versions } = known;
  const { current } = versions;
  if (servedVersion(versions, ready) === current) return undefined;
  const troubles = livingOf(ofGeneration(pods, current.generation)).flatMap((pod) => podTrouble(pod) ?? []);
  return troubles.find(({ kind }) => kind !== 'unready')?.words ?? refusalOf(object) ?? latenessOf(object);
}

function livingOf(pods: V1Pod[]): V1Pod[] {
  return pods.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
}

/** Says what keeps a version from being ready: what its Pods say, or why there are none. */
function whyNotReady(object: V1Deployment, pods: V1Pod[], warningOf: FactsSource['warningOf']): string | undefined {
  const living = livingOf(pods);
  const troubles = living.flatMap((pod) => podTrouble(pod) ?? []);
  const trouble = troubles.find(({ kind }) => kind !== 'unready');
  const [warning] = living.filter((pod) => !isContainerReady(pod)).flatMap((pod) => warningOf(nameOf(pod)) ?? []);
  // What a probe says of a process that ends again and again is the lesser half.
  if (trouble) return trouble.kind === 'restarted' && warning ? `${trouble.words}; ${warning}` : trouble.words;
  if (warning ?? troubles[0]) return warning ?? troubles[0]?.words;
  return refusalOf(object) ?? latenessOf(object);
}

/** Says why the cluster makes no Pods for a function, such as a quota or a policy; undefined where it does. */
export function refusalOf({ status, metadata }: V1Deployment): string | undefined {
  const failed = status?.conditions?.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True');
  if (!failed || !isObserved({ status, metadata })) return undefined;
  return `its replicas cannot be made: ${failed.message ?? failed.reason ?? 'no reason is given'}`;
}

function latenessOf({ status, metadata }: V1Deployment): string | undefined {
  const late = status?.conditions?.some(({ reason }) => reason === 'ProgressDeadlineExceeded');
  if (!late || !isObserved({ status, metadata })) return undefined;
  return 'it was not ready in the time that start_timeout gives';
}

/** Whether a status is of what is wanted now. */
function isObserved({ status, metadata }: V1Deployment): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
}

function ofGeneration(pods: V1Pod[], generation: string): V1Pod[] {
  return pods.filter(({ metadata }) => metadata?.labels?.[generationLabel] === generation);
}

function lastExit(pods: V1Pod[]): ProcessExit | undefined {
  return pods.flatMap((pod) => lastExitOf(pod) ?? []).sort((a, b) => b.atMs - a.atMs)[0];
}

function digestOf({ status }: V1Pod): string | undefined {
  return /sha256:[0-9a-f]{64}$/.exec(status?.containerStatuses?.[0]?.imageID ?? '')?.[0];
}
