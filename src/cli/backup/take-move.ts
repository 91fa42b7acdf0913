import { once } from 'node:events';
import pLimit from 'p-limit';
import type { RestoreTarget } from '../../backends/kubernetes/index.ts';
import { describeError } from '../../base/log.ts';
import type { FunctionName } from '../../provider/index.ts';
import type { FunctionStep, MoveAction, MoveStep, NamespaceStep, SecretStep } from './plan-move.ts';

/** What became of one namespace, secret or function. */
export interface Moved {
  kind: MoveStep['kind'];
  name: string;
  namespace?: string;
  action: MoveAction;
  /** Why it did not come to that, and what to do. */
  error?: string;
  /** Of a function that was brought: `starting` where no replica is ready yet. */
  state?: 'ready' | 'asleep' | 'starting';
  /** Why none is ready. */
  reason?: string;
}

export interface MoveOptions {
  signal: AbortSignal;
  /** Called with each as it is done; which functions are ready is known at the end. */
  onDone: (moved: Moved) => void;
}

const atOnce = 4;

/** Brings to the cluster what is planned, kind by kind, some at a time; what fails of it keeps nothing else from being brought. */
export async function takeMove(steps: MoveStep[], target: RestoreTarget, options: MoveOptions): Promise<Moved[]> {
  const { signal, onDone } = options;
  const limit = pLimit(atOnce);
  const missing = new Set<string>();
  const starts: Promise<void>[] = [];
  const take = async (step: MoveStep): Promise<Moved> => {
    const moved = movedOf(step);
    try {
      if (signal.aborted) throw new Error('interrupted before it: run this again');
      if (step.kind === 'namespace') await takeNamespace(step, target);
      else if (missing.has(step.wanted.namespace)) throw new Error('its namespace could not be made: see there');
      else if (step.kind === 'secret') await takeSecret(step, target);
      else {
        const version = await takeFunction(step, target);
        if (version !== undefined) starts.push(follow(step, { version, moved, target, signal }));
      }
    } catch (error) {
      moved.error = describeError(error);
      if (step.kind === 'namespace' && step.action === 'added') missing.add(step.wanted.name);
    }
    onDone(moved);
    return moved;
  };
  const done: Moved[] = [];
  for (const kind of ['namespace', 'secret', 'function'] as const) {
    const ofKind = steps.filter((step) => step.kind === kind);
    done.push(...(await Promise.all(ofKind.map((step) => limit(() => take(step))))));
  }
  // Together, as each may take as long as a pull.
  await Promise.all(starts);
  return done;
}

/** Returns what a step comes to, where it is taken. */
export function movedOf({ kind, wanted, action, why }: MoveStep): Moved {
  const { name, namespace } = wanted as { name: string; namespace?: string };
  return {
    kind,
    name,
    ...(namespace !== undefined && { namespace }),
    action,
    ...(why !== undefined && { error: why }),
  };
}

async function takeNamespace({ action, wanted }: NamespaceStep, target: RestoreTarget): Promise<void> {
  const { name } = wanted;
  if (action === 'changed') {
    const byHand = `by hand, kubectl label and kubectl annotate namespace ${name} do it`;
    await target.changeNamespace(wanted).catch(explained(byHand));
  }
  if (action !== 'added') return;
  const make = `kubectl create namespace ${name}, kubectl label namespace ${name} openfaas=1`;
  const bind = `kubectl create rolebinding berth-functions --namespace ${name} --clusterrole=berth-functions --serviceaccount=berth:berth`;
  await target.makeNamespace(wanted).catch(explained(`by hand, ${make} and ${bind} make it; then run this again`));
}

async function takeSecret({ action, wanted, isLogins }: SecretStep, target: RestoreTarget): Promise<void> {
  if (action === 'added') await target.makeSecret(wanted, { isLogins });
  if (action === 'changed') await target.changeSecret(wanted);
}

/** Returns the id of the version that is started; undefined where nothing is. */
async function takeFunction(step: FunctionStep, target: RestoreTarget): Promise<string | undefined> {
  const { action, wanted, replicas } = step;
  if (action === 'added') return target.makeFunction(wanted, replicas);
  return action === 'changed' ? target.changeFunction(wanted, replicas) : undefined;
}

function explained(hint: string): (error: unknown) => never {
  return (error) => {
    throw new Error(`${describeError(error)}; ${hint}`, { cause: error });
  };
}

interface Following {
  version: string;
  moved: Moved;
  target: RestoreTarget;
  signal: AbortSignal;
}

/** Finds out whether a function that was brought takes calls: soon, or not yet and why. */
async function follow(step: FunctionStep, { version, moved, target, signal }: Following): Promise<void> {
  if (step.replicas === 0) {
    moved.state = 'asleep';
    return;
  }
  moved.state = 'starting';
  const ended = new AbortController();
  const interrupted = once(signal, 'abort', { signal: ended.signal }).catch(() => {});
  try {
    const outcome = signal.aborted
      ? undefined
      : await Promise.race([target.outcome(step.wanted, version), interrupted]);
    if (outcome === 'ready') moved.state = 'ready';
    else moved.reason = await reasonOf(step.wanted, target);
  } finally {
    ended.abort();
  }
}

async function reasonOf(fn: FunctionName, target: RestoreTarget): Promise<string | undefined> {
  try {
    const { berth } = await target.status(fn);
    return berth?.reason ?? berth?.failedUpdate;
  } catch (error) {
    // Somebody may have removed it by now.
    return describeError(error);
  }
}
