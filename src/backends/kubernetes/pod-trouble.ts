import type { V1ContainerState, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { isoTime, timeMs } from './cluster-time.ts';

export type TroubleKind = 'image' | 'crash' | 'room' | 'container' | 'mount' | 'restarted' | 'unready';

/** Why a Pod takes no calls. */
export interface PodTrouble {
  kind: TroubleKind;
  /** For who has the password: what is wrong and what the cluster says of it. */
  words: string;
  /** For callers: it names nothing that is inside. */
  summary: string;
}

const imageReasons = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
];
const containerReasons = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError', 'StartError'];

/** Says what keeps a Pod from taking calls, in words from its status; undefined where nothing is known to. */
export function podTrouble(pod: V1Pod): PodTrouble | undefined {
  const [status] = pod.status?.containerStatuses ?? [];
  if (status?.ready) return undefined;
  return roomTrouble(pod) ?? (status && containerTrouble(status));
}

function roomTrouble({ status }: V1Pod): PodTrouble | undefined {
  if (status?.reason === 'Evicted') {
    const words = `it was evicted from its node: ${status.message ?? 'no reason is given'}`;
    return { kind: 'room', words, summary: 'it was evicted from its node' };
  }
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (scheduled?.status !== 'False' || scheduled.reason !== 'Unschedulable') return undefined;
  const words = `no node can take it (unschedulable): ${scheduled.message ?? 'no reason is given'}`;
  return { kind: 'room', words, summary: 'no node can take it' };
}

function containerTrouble(container: V1ContainerStatus): PodTrouble | undefined {
  const { image, state } = container;
  const { reason = '', message } = state?.waiting ?? {};
  const why = message ?? reason;
  if (imageReasons.includes(reason)) {
    const words = `image ${image} cannot be pulled (${reason}): ${why}`;
    return { kind: 'image', words, summary: 'its image cannot be pulled' };
  }
  if (containerReasons.includes(reason)) {
    const words = `its container cannot be made (${reason}): ${why}`;
    return { kind: 'container', words, summary: 'its container cannot be made' };
  }
  const exit = exitOf(state) ?? (state?.running ? undefined : exitOf(container.lastState));
  if (exit) {
    const words = `its process ended: ${exit.words}${reason ? `, and waits for its next start (${reason})` : ''}`;
    return { kind: 'crash', words, summary: 'its process ends again and again' };
  }
  if (!state?.running) return undefined;
  const before = exitOf(container.lastState);
  if (before) {
    const words = `its process ended: ${before.words}, and was started again`;
    return { kind: 'restarted', words, summary: 'it is not ready yet' };
  }
  const words = 'its process runs, and its readiness probe has not succeeded yet';
  return { kind: 'unready', words, summary: 'it is not ready yet' };
}

/** How a process ended. */
export interface ProcessExit {
  words: string;
  isOutOfMemory: boolean;
  atMs: number;
}

function exitOf(state: V1ContainerState | undefined): ProcessExit | undefined {
  const ended = state?.terminated;
  if (!ended) return undefined;
  const { exitCode, signal, reason, message, finishedAt } = ended;
  const isOutOfMemory = reason === 'OOMKilled';
  const how = isOutOfMemory ? 'it ran out of memory' : signal ? `by signal ${signal}` : `with exit code ${exitCode}`;
  const more = message ? `: ${message.trim().slice(0, 200)}` : '';
  const at = isoTime(finishedAt);
  return { words: `${how}${more}${at === undefined ? '' : ` at ${at}`}`, isOutOfMemory, atMs: timeMs(finishedAt) };
}

/** Returns how the process of a Pod ended last; undefined where it never has. */
export function lastExitOf({ status }: V1Pod): ProcessExit | undefined {
  const [container] = status?.containerStatuses ?? [];
  return exitOf(container?.state) ?? exitOf(container?.lastState);
}

/** Counts how often the process of a Pod was started again. */
export function restartsOf({ status }: V1Pod): number {
  return status?.containerStatuses?.[0]?.restartCount ?? 0;
}

/** Whether the container of a Pod is ready, as its node told last; the Pod is not when nothing is heard of the node. */
export function isContainerReady(pod: V1Pod | undefined): boolean {
  return pod?.status?.containerStatuses?.[0]?.ready ?? false;
}

export function isPodReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}
