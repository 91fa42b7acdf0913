import type { CoreV1Event } from '@kubernetes/client-node';
import type { EventFeed } from '../../provider/index.ts';
import { timeMs } from './cluster-time.ts';
import { functionLabel } from './cluster-labels.ts';
import type { NamespaceObjects } from './function-watch.ts';
import type { ObjectStore } from './object-store.ts';

/** What a Pod's own status says nothing of. */
const reasons = ['FailedMount', 'FailedAttachVolume', 'FailedCreatePodSandBox', 'Unhealthy', 'NetworkNotReady'];

/** Returns what the cluster warned of last about a Pod, where its status does not say it. */
export function lastWarning(warnings: ObjectStore<CoreV1Event> | undefined, pod: string): string | undefined {
  const all = (warnings?.group(pod) ?? []).filter(isNews);
  const [last] = all.sort((a, b) => seenMs(b) - seenMs(a));
  return last && wordsOf(last);
}

/** Tells what the cluster warns of about the Pods of a namespace's functions, while `isNew`: what is listed first may be old. */
export function tellWarnings(
  namespace: string,
  { warnings, pods }: NamespaceObjects,
  { events, isNew }: { events: EventFeed; isNew: () => boolean },
): void {
  warnings.onChange(({ group: replica, now }) => {
    const name = pods.get(replica)?.metadata?.labels?.[functionLabel];
    if (!now || !name || !isNews(now) || !isNew()) return;
    events.tell({ kind: 'replica-unready', severity: 'warn', name, namespace, replica, text: wordsOf(now) });
  });
}

function isNews({ reason }: CoreV1Event): boolean {
  return reasons.includes(reason ?? '');
}

function wordsOf({ reason, message }: CoreV1Event): string {
  return `the cluster says ${reason}: ${message ?? 'nothing more'}`;
}

function seenMs({ lastTimestamp, eventTime, metadata }: CoreV1Event): number {
  return timeMs(lastTimestamp ?? eventTime ?? metadata.creationTimestamp);
}
