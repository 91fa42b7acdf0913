import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestBerth } from './berth.ts';
import type { TestContainerd } from './containerd.ts';
import { until } from './poll.ts';
import { run } from './processes.ts';

/** What functions have on a host, by kind; all empty once every function is removed, but for the host-wide parts. */
export type Leftovers = Record<
  'containers' | 'tasks' | 'snapshots' | 'leases' | 'netns' | 'veths' | 'addresses' | 'attachments' | 'files',
  string[]
>;

export async function leftovers(containerd: TestContainerd, berth: TestBerth): Promise<Leftovers> {
  const namespaces = (await containerd.ctr('namespaces', 'list', '--quiet')).split('\n').filter(Boolean);
  const all = async (...args: string[]) =>
    (await Promise.all(namespaces.map((name) => containerd.ctr('--namespace', name, ...args)))).flatMap(lines);
  const snapshots = await all('snapshots', 'list');
  return {
    containers: await all('containers', 'list', '--quiet'),
    tasks: await all('tasks', 'list', '--quiet'),
    snapshots: snapshots.filter((line) => !line.startsWith('KEY')),
    // The sweep's own lives for a moment, whenever it comes.
    leases: await all('leases', 'list', '--quiet', 'labels."com.openfaas.berth.lease"!=sweep'),
    ...(await inNetwork(berth)),
    files: (
      await Promise.all(
        ['run/replicas', 'run/secrets', 'log/tasks'].map((folder) => filesIn(join(berth.folder, folder))),
      )
    ).flat(),
  };
}

/** The self-test has for a moment what a replica has. */
async function inNetwork(
  berth: TestBerth,
  tries = 50,
): Promise<Pick<Leftovers, 'netns' | 'veths' | 'addresses' | 'attachments'>> {
  const ipam = (await filesIn(join(berth.folder, 'run/ipam/openfaas'))).filter((name) => /^\d/.test(name));
  const found = {
    netns: await filesIn('/run/netns'),
    veths: lines((await run('ip', ['-brief', 'link', 'show', 'type', 'veth'])).stdout),
    addresses: ipam,
    attachments: await filesIn(join(berth.folder, 'run/cni')),
  };
  const isTesting = [...found.netns, ...(await filesIn('/run/netns'))].some((name) => name.endsWith('-self-test'));
  if (!isTesting || tries === 0) return found;
  await sleep(100);
  return inNetwork(berth, tries - 1);
}

/** Waits until all that `left` looks at is gone; the error says what is not. */
export async function untilNothingIsLeft(left: () => Promise<Leftovers>): Promise<void> {
  let found: Partial<Leftovers> = {};
  await until(
    async () => {
      found = Object.fromEntries(Object.entries(await left()).filter(([, items]) => items.length > 0));
      return Object.keys(found).length === 0;
    },
    { timeoutMs: 60_000, message: 'everything to be gone' },
  ).catch((cause: unknown) => {
    throw new Error(`left behind: ${JSON.stringify(found)}`, { cause });
  });
}

async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}

function lines(text: string): string[] {
  return text.split('\n').filter(Boolean);
}

/** nft's rules without their counters and handles: what is host-wide must not grow. */
export async function firewallRules(): Promise<string> {
  return (await run('/usr/sbin/nft', ['list', 'ruleset'])).stdout.replaceAll(
    /counter packets \d+ bytes \d+/g,
    'counter',
  );
}
