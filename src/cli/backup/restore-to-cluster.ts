import { openForRestore, type RestoreTarget } from '../../backends/kubernetes/index.ts';
import { hasCode } from '../../base/absent-file.ts';
import { createLog } from '../../base/log.ts';
import { clusterSettings, type Config } from '../../daemon/index.ts';
import type { Cli } from '../verb.ts';
import type { Backup } from './backup-archive.ts';
import type { HostPlace } from './host-places.ts';
import { houseOf, type House } from './house.ts';
import { moveNotes } from './move-notes.ts';
import { planMove, stepName, type ClusterView, type MoveStep } from './plan-move.ts';
import { movedOf, takeMove, type Moved } from './take-move.ts';

export interface ClusterRestoreOptions {
  config: Config;
  /** Which files a backup may have. */
  places: HostPlace[];
  force: boolean;
  isDry: boolean;
  isJson: boolean;
  cli: Cli;
}

const inTheCluster = 'kubectl exec -i --namespace berth deployment/berth -- berth restore - --backend kubernetes <FILE';

/**
 * Brings the functions, secrets and namespaces of a backup to a cluster.
 * @returns the exit code: 1 where something of it is not there in the end
 * @throws Error where nothing was brought
 */
export async function restoreToCluster(backup: Backup, options: ClusterRestoreOptions): Promise<number> {
  const { config, cli, force, isDry } = options;
  const house = houseOf(backup, options.places);
  const target = await openTarget(config, cli);
  try {
    const steps = planMove(house, await viewOf(house, target));
    const notes = notesOf(house, steps, config);
    if (isDry) return tellAll(steps.map(movedOf), notes, options);
    if (!force) refuseReplacing(steps, cli);
    const onDone = options.isJson ? () => {} : (moved: Moved) => tell(moved, cli);
    const moved = await takeMove(steps, target, { signal: cli.signal, onDone });
    return tellEnd(moved, notes, options);
  } finally {
    target.close();
  }
}

async function openTarget(config: Config, cli: Cli): Promise<RestoreTarget> {
  const log = createLog({ level: 'error', write: (line) => cli.stderr.write(line) });
  return openForRestore({ ...clusterSettings(config), log }).catch((cause: unknown) => {
    const isWithoutClient = cause instanceof Error && hasCode(cause.cause, 'ERR_MODULE_NOT_FOUND');
    const hint = `a single host is without the cluster's client, and berth's image has it: ${inTheCluster}`;
    throw new Error(isWithoutClient ? hint : 'nothing was restored', { cause: isWithoutClient ? undefined : cause });
  });
}

async function viewOf({ namespaces }: House, target: RestoreTarget): Promise<ClusterView> {
  const looks = namespaces.map(async ({ name }) => {
    const found = await target.look(name).catch((error: Error) => error);
    return [name, found] as const;
  });
  return new Map(await Promise.all(looks));
}

function notesOf(house: House, steps: MoveStep[], config: Config): string[] {
  const notes = moveNotes(house, { ...config, arch: process.arch });
  const fresh = steps.filter(({ kind, action }) => kind === 'namespace' && action === 'added');
  // In the cluster berth makes all of it, or may not make a namespace at all.
  if (fresh.length === 0 || config.kubeconfig === undefined) return notes;
  const names = fresh.map(({ wanted }) => wanted.name).join(', ');
  const bind = 'kubectl create rolebinding berth-functions --namespace NAME --clusterrole=berth-functions';
  return [
    ...notes,
    `a berth in the cluster needs its rights in new namespaces (${names}): ${bind} --serviceaccount=berth:berth, and for the NetworkPolicy kubectl rollout restart --namespace berth deployment/berth`,
  ];
}

/** @throws Error where something of the cluster's own would be replaced, after each of it was told */
function refuseReplacing(steps: MoveStep[], { stderr }: Cli): void {
  const own = steps.filter(({ replaces }) => replaces);
  if (own.length === 0) return;
  for (const step of own) stderr.write(`would be replaced: ${stepName(step)}\n`);
  throw new Error('nothing was restored, as the cluster has its own: --force replaces it');
}

function tellAll(moved: Moved[], notes: string[], options: ClusterRestoreOptions): number {
  if (!options.isJson) for (const each of moved) tell(each, options.cli);
  return tellEnd(moved, notes, options);
}

function tell({ kind, name, namespace, action, error }: Moved, { stdout, stderr }: Cli): void {
  const what = `${kind} ${[name, namespace].filter(Boolean).join('.')}`;
  const word = (error !== undefined && action !== 'left' ? 'failed' : action).padEnd('unchanged'.length);
  if (error === undefined) stdout.write(`${word}  ${what}\n`);
  else stderr.write(`${word}  ${what}: ${error}\n`);
}

function tellEnd(moved: Moved[], notes: string[], { cli, isJson, isDry }: ClusterRestoreOptions): number {
  const { stdout } = cli;
  const code = moved.some(({ error }) => error !== undefined) ? 1 : 0;
  if (isJson) {
    stdout.write(`${JSON.stringify({ moved, notes })}\n`);
    return code;
  }
  for (const { name, namespace, state, reason = 'not ready yet' } of moved)
    if (state === 'starting') stdout.write(`starting   function ${name}.${namespace}: ${reason}\n`);
  for (const note of notes) stdout.write(`note: ${note}\n`);
  stdout.write(`${isDry ? 'would be: ' : ''}${summaryOf(moved, isDry)}\n`);
  return code;
}

function summaryOf(moved: Moved[], isDry: boolean): string {
  const count = (isOne: (each: Moved) => boolean) => moved.filter(isOne).length;
  const well = (['added', 'changed', 'unchanged'] as const).map(
    (action) => `${count((each) => each.action === action && each.error === undefined)} ${action}`,
  );
  const left = count(({ action }) => action === 'left');
  const failed = count(({ action, error }) => action !== 'left' && error !== undefined);
  const bad = [left > 0 && `${left} left behind`, failed > 0 && `${failed} failed`].filter((text) => text !== false);
  const all = [...well, ...bad].join(', ');
  if (isDry) return all;
  const states = (['ready', 'asleep', 'starting'] as const).map((state) => {
    return `${count((each) => each.state === state)} ${state === 'starting' ? 'still being started' : state}`;
  });
  return `${all}; of the functions that were brought ${states.join(', ')}`;
}
