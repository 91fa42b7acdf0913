import { deploymentText, fullName, type FunctionStatus } from '../provider/index.ts';
import type { StackFunction } from './read-stack.ts';

export type ApplyAction = 'added' | 'changed' | 'unchanged' | 'pruned';

/** What becomes of one function. */
export interface ApplyStep {
  action: ApplyAction;
  name: string;
  namespace: string;
  /** What its file says; absent where no file names it any more. */
  wanted?: StackFunction;
}

/** Says what an apply of these functions does, where those are present; what it prunes is said by `planPrune`. */
export function planApply(wanted: StackFunction[], present: FunctionStatus[]): ApplyStep[] {
  const before = new Map(present.map((status) => [fullName(status), deploymentText(status)]));
  return wanted.map((fn) => {
    const { name, namespace } = fn.deployment;
    const text = before.get(fullName(fn.deployment));
    const action = text === undefined ? 'added' : text === deploymentText(fn.deployment) ? 'unchanged' : 'changed';
    return { action, name, namespace, wanted: fn };
  });
}

/**
 * Says which functions were applied from these files before and are in them no more.
 * @param present with the `berth.file` of each
 * @param covers whether what is applied is, or has, the file of this path
 */
export function planPrune(
  wanted: StackFunction[],
  present: FunctionStatus[],
  covers: (path: string) => boolean,
): ApplyStep[] {
  const named = new Set(wanted.map(({ deployment }) => fullName(deployment)));
  const gone = present.filter(({ berth, ...fn }) => !named.has(fullName(fn)) && berth?.file && covers(berth.file));
  return gone.map(({ name, namespace }) => ({ action: 'pruned', name, namespace }));
}
