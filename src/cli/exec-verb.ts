import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runningReplicas } from '../backends/containerd/index.ts';
import { Containerd, endExec, type Container } from '../containerd/index.ts';
import { readDaemonConfig, type Config } from '../daemon/index.ts';
import { parseFullName, type FunctionName, type FunctionStatus } from '../provider/index.ts';
import { ApiClient, ApiError } from './api-client.ts';
import { runInReplica } from './run-in-replica.ts';
import { UsageError, type Verb } from './verb.ts';

const usage = `NAME [--namespace NAMESPACE] [--replica ID] [--json] -- COMMAND [ARGUMENT]...

Runs a command in a running replica of a function, as the function itself: its user, its variables, its limits. It has a
terminal where berth itself is run in one. NAME.NAMESPACE is read as well.

  --replica ID    in this replica; the beginning of its id is enough
  --json          print its exit code and what it wrote as one JSON object: replica, exitCode, stdout, stderr

Ends with the command's exit code, with 128 + signal where a signal ended it, and with 127 where it cannot be started.`;

const options = {
  namespace: { type: 'string', short: 'n' },
  replica: { type: 'string' },
  json: { type: 'boolean' },
  // What the guard of a command runs when berth is gone: NAMESPACE/REPLICA/ID.
  abandoned: { type: 'string' },
} as const;

export const execVerb: Verb = {
  name: 'exec',
  summary: 'run a command in a replica of a function',
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const config = readDaemonConfig(cli.env);
    const containerd = new Containerd({ address: config.containerdAddress });
    try {
      if (values.abandoned !== undefined) return await endAbandoned(containerd, config, values.abandoned);
      const [name = '', ...command] = positionals;
      if (name === '') throw new UsageError('name a function');
      const fn = parseFullName(name, values.namespace ?? config.defaultNamespace);
      if (!fn) throw new UsageError(`${JSON.stringify(name)} is no name of a function`);
      if (command.length === 0) throw new UsageError('say what to run, behind --');
      const replica = await pickReplica(containerd, config, { ...fn, replica: values.replica });
      const id = `exec-${randomBytes(8).toString('hex')}`;
      const [{ namespace }, folder] = [fn, folderOf(config, id)];
      const asJson = values.json ?? false;
      return await runInReplica({ containerd, namespace, replica, id, folder, command, asJson, cli });
    } finally {
      containerd.close();
    }
  },
};

/** How long berth may take to say how a function is. */
const answerMs = 5000;

function folderOf({ runDir }: Config, id: string): string {
  return path.join(runDir, 'exec', id);
}

async function endAbandoned(containerd: Containerd, config: Config, abandoned: string): Promise<number> {
  const [namespace = '', containerId = '', execId = ''] = abandoned.split('/');
  await endExec(containerd.namespace(namespace), { containerId, execId }, folderOf(config, execId));
  return 0;
}

/** @throws Error saying why there is none to run a command in */
async function pickReplica(
  containerd: Containerd,
  config: Config,
  { replica = '', ...fn }: FunctionName & { replica?: string },
): Promise<Container> {
  const running = await runningReplicas(containerd, fn);
  const named = running.filter(({ id }) => id.startsWith(replica));
  const [first] = named;
  if (first) return named.length > 1 ? ((await readyOf(named, config, fn)) ?? first) : first;
  const ids = running.map(({ id }) => id).join(', ');
  throw new Error(
    running.length > 0 ? `no replica ${replica} of ${fn.name} runs: take one of ${ids}` : await why(config, fn),
  );
}

/** Finds the one of some replicas that takes calls, as in an update one may not yet and another no more. */
async function readyOf(replicas: Container[], config: Config, fn: FunctionName): Promise<Container | undefined> {
  // Where berth does not answer, a shell in any of them is what its operator needs.
  const status = await statusOf(config, fn).catch(() => undefined);
  return replicas.find(({ id }) => status?.berth?.ready?.includes(id));
}

async function statusOf(config: Config, { name, namespace }: FunctionName): Promise<FunctionStatus> {
  const api = await ApiClient.open(config);
  const signal = AbortSignal.timeout(answerMs);
  return (await api.json(`/system/function/${name}?namespace=${namespace}`, { signal })) as FunctionStatus;
}

/** Says why a function has no running replica. */
async function why(config: Config, fn: FunctionName): Promise<string> {
  const { name, namespace } = fn;
  try {
    const status = await statusOf(config, fn);
    if (status.replicas === 0) return `${name} is asleep: call it, and run this again while it is awake`;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) {
      return `there is no function ${name} in the namespace ${namespace}: berth status lists all`;
    }
  }
  return `no replica of ${name} runs in the namespace ${namespace}: berth status says why`;
}
