import { connect } from 'node:net';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { taskOf, type TestHost } from '../functions/setup.ts';
import type { Failure, SoakJournal } from './soak-journal.ts';

export interface SoakWorld {
  host: TestHost;
  journal: SoakJournal;
  names: string[];
  image: string;
  /** Where the disks are mounted that are filled. */
  disks: string;
}

/** One kind of thing that is done to the host or asked of the API, each time to another function. */
export type Fault = (world: SoakWorld, round: number) => Promise<void>;

const nothing = () => false;
const isApi = ({ kind }: Failure) => kind === 'api';
const nameOf = ({ names }: SoakWorld, round: number) => names[round % names.length] ?? '';
const sh = (command: string) => run('sh', ['-ec', command]);
const nft = '/usr/sbin/nft';
/** The daemon may be away just then; how soon all is right again is asked of the matrix. */
const back = { timeoutMs: 30_000, message: 'the network to be right again' };

/** What others do to the network: no call is to notice. */
export const hostFaults: Fault[] = [
  ({ journal }) =>
    journal.fault({ fault: 'flush', target: 'nft', excuses: nothing }, async () => {
      await sh(`${nft} flush ruleset`);
      await until(() => run(nft, ['list', 'chain', 'inet', 'berth', 'forward']), back);
    }),
  ({ journal }) =>
    journal.fault({ fault: 'flush', target: 'iptables', excuses: nothing }, async () => {
      await sh('iptables -F; iptables -X; iptables -P FORWARD DROP');
      await until(async () => (await sh('iptables -S FORWARD')).stdout.includes('openfaas0'), back);
    }),
  ({ journal }) =>
    journal.fault({ fault: 'forwarding off', target: 'sysctl', excuses: nothing }, async () => {
      await sh('echo 0 > /proc/sys/net/ipv4/ip_forward');
      await until(async () => (await sh('cat /proc/sys/net/ipv4/ip_forward')).stdout.startsWith('1'), back);
    }),
];

/** What ends processes, with what nobody can avoid then. */
export const kills: Fault[] = [
  async (world, round) => {
    const name = nameOf(world, round);
    const isItsPost = (failure: Failure) => failure.method === 'POST' && failure.function === name;
    // containerd may be away just now.
    const task = await taskOf(world.host.containerd, name, 60_000);
    // What a version that is being tried does not survive, its update is told.
    const excuses = (failure: Failure) => isItsPost(failure) || (isApi(failure) && failure.function === name);
    await world.journal.fault({ fault: 'kill', target: name, excuses }, async () => {
      killUnlessGone(task.pid);
      await until(() => isGone(task.pid), { intervalMs: 1 });
    });
  },
  (world) => killDaemon(world, 'SIGKILL', () => true),
  ({ host, journal }) =>
    journal.fault({ fault: 'kill', target: 'containerd', excuses: isApi }, async () => {
      await host.containerd.kill('SIGKILL');
      await sleep(1000);
      await host.containerd.start();
      await until(async () => (await host.berth.api('GET', '/system/namespaces')).status === 200);
    }),
  async (world) => {
    const endedMs = performance.now();
    // What a function works on is answered. What still waits for a replica goes to the next berth, which here, without
    // systemd's socket, nobody is yet; a request that is on its way into the closing socket is lost.
    const waited = ({ status, text }: Failure) => status === 503 && text.includes('berth is being restarted');
    const excuses = (failure: Failure) => failure.kind === 'api' || failure.fromMs > endedMs - 1000 || waited(failure);
    await killDaemon(world, 'SIGTERM', excuses);
  },
];

async function killDaemon(
  { host, journal }: SoakWorld,
  signal: NodeJS.Signals,
  excuses: (failure: Failure) => boolean,
) {
  const { berth } = host;
  let healthy: Promise<void> | undefined;
  await journal.fault({ fault: signal, target: 'berth', excuses }, async () => {
    await berth.kill(signal);
    await until(async () => !(await accepts(berth.port)), { intervalMs: 1 });
    healthy = berth.start();
    await until(() => accepts(berth.port), { timeoutMs: 30_000, intervalMs: 5 });
  });
  await healthy;
}

/** Full disks: changes are refused meanwhile, calls are not. */
export const diskFaults: Fault[] = ['log', 'data'].map((name) => async ({ disks, journal }) => {
  await journal.fault({ fault: 'full disk', target: name, excuses: isApi }, async () => {
    const path = join(disks, name, 'full');
    await sh(`cat /dev/zero > ${path} 2>/dev/null || true`);
    await sleep(3000);
    await rm(path);
  });
});

/** What users do all day: no call is to notice, whatever happens to the host meanwhile. */
export const changes: Fault[] = [
  (world, round) => {
    const name = nameOf(world, round);
    const envVars = { VERSION: `round-${round}` };
    return change(world, 'update', name, ['PUT', '/system/functions', deployment(world, name, envVars)]);
  },
  (world, round) => scaleTo(world, nameOf(world, round + 3), 3),
  (world, round) =>
    change(world, 'rotate', 'secret', ['PUT', '/system/secrets', { name: 'key', value: `value-${round}` }]),
  (world, round) => scaleTo(world, nameOf(world, round + 3), 1),
  (world, round) => scaleTo(world, nameOf(world, round + 6), 0),
];

const scaleTo = (world: SoakWorld, name: string, replicas: number) =>
  change(world, `scale to ${replicas}`, name, ['POST', `/system/scale-function/${name}`, { replicas }]);

export function deployment({ image }: SoakWorld, service: string, envVars: Record<string, string> = {}) {
  return { service, image, secrets: ['key'], envVars };
}

/** Asks the API until it does it; answers that are no success are in the journal. */
async function change({ host, journal }: SoakWorld, fault: string, target: string, request: [string, string, unknown]) {
  await journal.fault({ fault, target, excuses: nothing }, () =>
    until(
      async () => {
        const fromMs = performance.now();
        const broke = (error: Error) => ({
          status: 0,
          text: error.cause instanceof Error ? error.cause.message : error.message,
        });
        const { status, text } = await host.berth.api(...request).catch(broke);
        if (status >= 200 && status < 300) return true;
        const [method] = request;
        journal.failures.push({ kind: 'api', method, function: target, fromMs, toMs: performance.now(), status, text });
        return false;
      },
      { timeoutMs: 120_000, intervalMs: 500, message: `${fault} ${target}` },
    ).then(() => undefined),
  );
}

/** An update may have ended it just now. */
function killUnlessGone(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Gone for those that are connected to it: the last thread lets go of its sockets, maybe a while after the first has ended. */
async function isGone(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  if (threads.length !== 1) return threads.length === 0;
  return /\) [ZX]/.test(await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') X'));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
    socket.once('close', () => socket.destroy());
    socket.once('connect', () => socket.end());
  });
}
