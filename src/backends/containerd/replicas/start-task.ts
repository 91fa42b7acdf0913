import { allEnded } from '../../../base/all-ended.ts';
import { isAlreadyExists, type Mount, type NamespacedClient, type NewTask } from '../../../containerd/index.ts';
import { BadRequestError, networkAllowOf, workloadOf, type NetworkTarget } from '../../../provider/index.ts';
import { SecretError } from '../../../secrets/index.ts';
import type { Generation } from '../desired/record.ts';
import { AddressesInUseError, type Attachment } from '../network/index.ts';
import { requireSecrets } from '../function-secrets.ts';
import type { MadeReplica } from './create-replica.ts';
import type { Host, ReplicaName } from './host.ts';
import { writeHostFiles } from './host-files.ts';
import { taskState } from './observe.ts';
import { clearStartMark, isStartMarked, markStart } from './start-mark.ts';
import { deleteTask, stopTask } from './stop-task.ts';

/**
 * Brings a replica from its container record to a running task. Everything the task needs outside containerd is made
 * first and each part keeps what is there already, so this is the same after a crash of the function, of the daemon, or
 * of the host.
 */
export async function startTask(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  made?: MadeReplica,
): Promise<Attachment> {
  const client = host.containerd.namespace(replica.namespace);
  const { status, attachment } = await createTask(host, replica, generation, made);
  if (status === 'running') return attachment;
  await markStart(host, replica.id);
  host.at('start.process');
  try {
    await host.timed('start', () => client.tasks.start({ containerId: replica.id }));
  } catch (error) {
    await deleteTask(client, replica.id);
    throw error;
  }
  host.at('started');
  await host.logs.tails.follow(replica);
  return attachment;
}

/**
 * Does all of `startTask` but the start itself, which is how far a replica gets that stands by.
 * @param made what was just made of it, so that containerd need not be asked for it
 */
export async function createTask(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  made?: MadeReplica,
): Promise<{ status: 'created' | 'running'; attachment: Attachment }> {
  const { id } = replica;
  const { timed } = host;
  host.at('start.attach');
  const before = await host.network.netnsId(id);
  const [status, attachment] = await allEnded([
    made ? ('none' as const) : timed('look', () => usableTask(host, replica)),
    timed('attach', () => attach(host, id)),
  ]);
  await host.network.allow(attachment, allowedOf(generation));
  // A task lives in the network namespace that it was made with; in one that was replaced nobody can reach it.
  const isReachable = before !== undefined && before === (await host.network.netnsId(id));
  if (status !== 'none' && isReachable) return { status, attachment };
  if (status !== 'none') await stopTask(host, replica);
  host.at('start.files');
  const [rootfs, { stdout, stderr }] = await allEnded([
    prepareRootfs(host, replica, generation, made),
    timed('logs', () => host.logs.tails.stdioFor(replica)),
    timed('files', () => writeHostFiles(host, replica, attachment.ip, workloadOf(generation.deployment).dns)),
    clearStartMark(host, id),
  ]);
  host.at('start.task');
  const client = host.containerd.namespace(replica.namespace);
  await timed('task', () => createOnce(client, { containerId: id, rootfs, stdout, stderr }));
  return { status: 'created', attachment };
}

/** Makes a replica's copies of its secrets, and finds its root file system. */
async function prepareRootfs(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  made?: MadeReplica,
): Promise<Mount[]> {
  const { containers, snapshots } = host.containerd.namespace(replica.namespace);
  const container = made?.container ?? (await host.timed('record', () => containers.get(replica.id)));
  const { snapshotter, snapshotKey: key } = container;
  const secrets = [...new Set(generation.deployment.secrets)];
  const [rootfs] = await allEnded([
    made?.rootfs ?? host.timed('mounts', () => snapshots.mounts({ snapshotter, key })),
    host.timed('secrets', () => prepareSecrets(host, replica, secrets, container.spec)),
  ]);
  return rootfs;
}

/** What was stored before it was refused is as if it were not there. */
function allowedOf({ deployment }: Generation): NetworkTarget[] {
  try {
    return networkAllowOf(deployment);
  } catch (error) {
    if (error instanceof BadRequestError) return [];
    throw error;
  }
}

/** What is kept ready for others gives its address to a replica that finds none. */
async function attach(host: Host, id: string): Promise<Attachment> {
  try {
    return await host.network.attach(id);
  } catch (error) {
    if (!(error instanceof AddressesInUseError) || !(await host.pool.release())) throw error;
    return attach(host, id);
  }
}

/** Says whether there is a task that can go on; one that has ended, or whose start broke off, is deleted first. */
async function usableTask(host: Host, replica: ReplicaName): Promise<'none' | 'created' | 'running'> {
  const { status } = await taskState(host.containerd.namespace(replica.namespace), replica.id);
  const isSpent = status === 'stopped' || (status === 'created' && (await isStartMarked(host, replica.id)));
  if (!isSpent) return status;
  await stopTask(host, replica);
  return 'none';
}

/** Creates a task. One whose making broke off as containerd ended is not shown, but no other can be made beside it. */
async function createOnce(client: NamespacedClient, task: NewTask): Promise<void> {
  try {
    await client.tasks.create(task);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await deleteTask(client, task.containerId);
    await client.tasks.create(task);
  }
}

async function prepareSecrets(
  host: Host,
  { id, namespace }: ReplicaName,
  names: string[],
  spec: object,
): Promise<void> {
  if (names.length === 0) return;
  await requireSecrets(host.secrets, namespace, names);
  const read = () =>
    Promise.all(names.map(async (name) => ({ name, value: await host.secrets.read(namespace, name) })));
  await host.replicaSecrets.prepare(id, read, userOf(spec));
}

/** Gives a replica that has secrets already their values of now; does nothing where it has none. */
export function refreshSecrets(host: Host, { id, namespace }: Pick<ReplicaName, 'id' | 'namespace'>): Promise<void> {
  const keep = (error: unknown) => {
    if (error instanceof SecretError && error.kind === 'not-found') return undefined;
    throw error;
  };
  return host.replicaSecrets.refresh(id, (name) => host.secrets.read(namespace, name).catch(keep));
}

/** Returns whom the function runs as, from the spec that we made. */
function userOf(spec: unknown): { uid: number; gid: number } {
  const { process } = spec as { process: { user: { uid: number; gid: number } } };
  return process.user;
}
