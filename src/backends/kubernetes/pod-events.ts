import type { V1Pod } from '@kubernetes/client-node';
import type { EventFeed, Happening } from '../../provider/index.ts';
import { functionLabel } from './cluster-labels.ts';
import type { NamespaceObjects } from './function-watch.ts';
import { nameOf } from './object-store.ts';
import { isPodReady, lastExitOf, podTrouble, restartsOf } from './pod-trouble.ts';

/** Tells what happens to the Pods of a namespace's functions. */
export function tellPods(namespace: string, { pods }: NamespaceObjects, events: EventFeed): void {
  pods.onChange(({ group: name, before, now }) => {
    // One that is seen for the first time may have been there for long.
    if (!before || !now || !now.metadata?.labels?.[functionLabel]) return;
    for (const happening of podHappenings(before, now)) events.tell({ ...happening, name, namespace });
  });
}

/** Says what happened to a Pod between two looks at it. */
export function podHappenings(before: V1Pod, now: V1Pod): Happening[] {
  const replica = nameOf(now);
  const isEnding = now.metadata?.deletionTimestamp !== undefined;
  const happenings: Happening[] = [];
  if (!isPodReady(before) && isPodReady(now))
    happenings.push({ kind: 'replica-ready', text: 'a replica takes calls', replica });
  const exit = lastExitOf(now);
  if (exit && !isEnding && (restartsOf(now) > restartsOf(before) || !lastExitOf(before))) {
    const kind = exit.isOutOfMemory ? 'out-of-memory' : 'replica-exited';
    happenings.push({ kind, severity: 'warn', text: `the process of a replica ended: ${exit.words}`, replica });
  }
  const trouble = podTrouble(now);
  const isNew = trouble && trouble.kind !== podTrouble(before)?.kind;
  if (isNew && !isEnding && !['crash', 'restarted', 'unready'].includes(trouble.kind))
    happenings.push({
      kind: 'replica-unready',
      severity: 'warn',
      text: `a replica cannot start: ${trouble.words}`,
      replica,
    });
  if (isPodReady(before) && !isPodReady(now) && !isEnding && !exit)
    happenings.push({ kind: 'replica-unready', severity: 'warn', text: 'a replica takes no calls any more', replica });
  return happenings;
}
