import { allEnded } from '../../../base/all-ended.ts';
import {
  isAlreadyExists,
  isNotFound,
  type Mount,
  type NamespacedClient,
  type NewTask,
} from '../../../containerd/index.ts';
import { BadRequestError, networkAllowOf, workloadOf, type NetworkTarget } from '../../../provider/index.ts';
import { SecretError } from '../../../secrets/index.ts';
import type { Generation } from '../desired/record.ts';
import { AddressesInUseError, type Attachment } from '../network/index.ts';
import { requireSecrets } from '../function-secrets.ts';
import type { Host, ReplicaName } from './host.ts';
import { writeHostFiles } from './host-files.ts';
import { taskState } from './observe.ts';
import type { ReplicaRoot } from './replica-root.ts';
import { clearStartMark, isStartMarked, markStart } from './start-mark.ts';
import { deleteTask, stopTask } from './stop-task.ts';

/** What is known of a replica whose task is to be made or started, so that containerd need not be asked. */
export interface KnownReplica {
  /** Whether it has a task; absent where that is not certain. */
  task?: 'none' | 'created';
  root: () => Promise<ReplicaRoot>;
}

/**
 * Brings a replica from its container record to a running task. Everything the task needs outside containerd is made
 * first and each part keeps what is there already, so this is the same after a crash of the function, of the daemon, or
 * of the host.
 * @param starting called as the program begins, maybe before containerd says that it has
 */
export async function startTask(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  known: KnownReplica,
  starting: (attachment: Attachment) => void = () => {},
): Promise<Attachment> {
  const client = host.containerd.namespace(replica.namespace);
  const { status, attachment } = await createTask(host, replica, generation, known, markStart);
  if (status === 'running') return attachment;
  host.at('start.process');
  starting(attachment);
  try {
    await host.timed('start', () => client.tasks.start({ containerId: replica.id }));
  } catch (error) {
    // Somebody may have taken the task away that was known to wait.
    if (known.task === 'created' && isNotFound(error))
      return startTask(host, replica, generation, { root: known.root }, starting);
    await deleteTask(client, replica.id);
    throw error;
  }
  host.at('started');
  await host.logs.tails.follow(replica);
  return attachment;
}

/**
 * Does all of `startTask` but the start itself, which is how far a replica gets that stands by.
 * @param mark what is done to the mark of a start, which tells a task that waits from one that may run
 */
export async function createTask(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  known: KnownReplica,
  mark = clearStartMark,
): Promise<{ status: 'created' | 'running'; attachment: Attachment }> {
  const { id } = replica;
  const { timed } = host;
  const { task } = known;
  host.at('start.attach');
  const [status, present] = await allEnded([
    task === 'none' ? task : timed('look', () => usableTask(host, replica, task)),
    timed('attach', () => host.network.present(id)),
  ]);
  if (status !== 'none' && present) {
    await allEnded([host.network.allow(present, allowedOf(generation)), status === 'created' && mark(host, id)]);
    return { status, attachment: present };
  }
  // A task lives in the network namespace that it was made with; in one that is made anew nobody can reach it.
  if (status !== 'none') await stopTask(host, replica);
  host.at('start.files');
  const attaching = present ?? timed('attach', () => attach(host, id));
  const [attachment, rootfs, { stdout, stderr }] = await allEnded([
    prepareNetwork(host, replica, generation, attaching),
    prepareRootfs(host, replica, generation, known),
    timed('logs', () => host.logs.tails.stdioFor(replica)),
    // Where the task is made and not started before a crash, it is made once more.
    mark(host, id),
  ]);
  host.at('start.task');
  const client = host.containerd.namespace(replica.namespace);
  await timed('task', () => createOnce(client, { containerId: id, rootfs, stdout, stderr }));
  return { status: 'created', attachment };
}

/** Lets a replica reach what it may, and writes the files that name its address. */
async function prepareNetwork(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  attaching: Attachment | Promise<Attachment>,
): Promise<Attachment> {
  const attachment = await attaching;
  const { dns } = workloadOf(generation.deployment);
  await allEnded([
    host.network.allow(attachment, allowedOf(generation)),
    host.timed('files', () => writeHostFiles(host, replica, attachment.ip, dns)),
  ]);
  return attachment;
}

/** Makes a replica's copies of its secrets, and finds its root file system. */
async function prepareRootfs(
  host: Host,
  replica: ReplicaName,
  generation: Generation,
  known: KnownReplica,
): Promise<Mount[]> {
  const { rootfs, user } = await host.timed('root', known.root);
  const secrets = [...new Set(generation.deployment.secrets)];
  await host.timed('secrets', () => prepareSecrets(host, replica, secrets, user));
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

/**
 * Says whether there is a task that can go on; one that has ended, or whose start broke off, is deleted first.
 * @param known what is certain of it
 */
async function usableTask(
  host: Host,
  replica: ReplicaName,
  known?: 'created',
): Promise<'none' | 'created' | 'running'> {
  const client = host.containerd.namespace(replica.namespace);
  const status = known ?? (await taskState(client, replica.id)).status;
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
  user: ReplicaRoot['user'],
): Promise<void> {
  if (names.length === 0) return;
  await requireSecrets(host.secrets, namespace, names);
  const read = () =>
    Promise.all(names.map(async (name) => ({ name, value: await host.secrets.read(namespace, name) })));
  await host.replicaSecrets.prepare(id, read, user);
}

/** Gives a replica that has secrets already their values of now; does nothing where it has none. */
export function refreshSecrets(host: Host, { id, namespace }: Pick<ReplicaName, 'id' | 'namespace'>): Promise<void> {
  const keep = (error: unknown) => {
    if (error instanceof SecretError && error.kind === 'not-found') return undefined;
    throw error;
  };
  return host.replicaSecrets.refresh(id, (name) => host.secrets.read(namespace, name).catch(keep));
}
