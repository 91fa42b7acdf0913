import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { containerdProvider } from '../../../src/backends/containerd/containerd-provider.ts';
import { ReplicaRoom } from '../../../src/backends/containerd/replica-room.ts';
import { Deployments } from '../../../src/backends/containerd/deployments.ts';
import { FunctionStore } from '../../../src/backends/containerd/desired/function-store.ts';
import { NamespaceStore } from '../../../src/backends/containerd/desired/namespace-store.ts';
import { FunctionNamespaces } from '../../../src/backends/containerd/function-namespaces.ts';
import { FunctionQueries, type FunctionQueriesOptions } from '../../../src/backends/containerd/function-queries.ts';
import type { Measures } from '../../../src/backends/containerd/measures.ts';
import { FunctionSecrets } from '../../../src/backends/containerd/function-secrets.ts';
import type { HostReport } from '../../../src/backends/containerd/host-report.ts';
import type { Images } from '../../../src/backends/containerd/images/index.ts';
import type { GenerationImages } from '../../../src/backends/containerd/generation-images.ts';
import { InUse } from '../../../src/backends/containerd/in-use.ts';
import type { FunctionStates } from '../../../src/backends/containerd/reconcile/function-states.ts';
import type { Reconciler } from '../../../src/backends/containerd/reconcile/reconciler.ts';
import { buildSpec } from '../../../src/backends/containerd/runtime-spec/index.ts';
import type { Sweep } from '../../../src/backends/containerd/sweep.ts';
import { createLog, silentLog } from '../../../src/base/log.ts';
import { parseReference } from '../../../src/registry/index.ts';
import {
  EventFeed,
  resourcesOf,
  RoutingTable,
  workloadOf,
  type FunctionDeployment,
  type Provider,
} from '../../../src/provider/index.ts';
import { SecretStore } from '../../../src/secrets/index.ts';
import { containerdNamespaces } from '../backends/containerd/containerd-namespaces.ts';
import { specInput } from '../backends/containerd/runtime-spec/input.ts';

const defaultNamespace = 'openfaas-fn';
const sweep = { images: () => Promise.resolve(), namespace: () => Promise.resolve() } as unknown as Sweep;

/**
 * The containerd provider over a data folder, with stand-ins for what pulls and runs.
 * @param digest what every image resolves to
 */
export async function dataFolder(digest = 'sha256:1') {
  // In memory where there is some: each write is synced.
  const folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'berth-fuzz-'));
  const dirs = {
    functions: join(folder, 'functions'),
    namespaces: join(folder, 'namespaces'),
    secrets: join(folder, 'secrets'),
  };
  const store = new FunctionStore({ dir: dirs.functions, at: () => {}, log: silentLog });
  const secrets = new SecretStore({ dir: dirs.secrets });
  await store.load();
  await secrets.start();
  const inUse = new InUse({ store, secrets, states: { replicaIds: () => [] } as unknown as FunctionStates });
  const namespaces = namespacesOver(dirs.namespaces, inUse);
  await namespaces.ensure();
  const deployments = new Deployments({
    events: new EventFeed(),
    store,
    secrets,
    images: {
      requireLogins: () => Promise.resolve(),
      ensure: () => Promise.resolve({ digest }),
    } as unknown as GenerationImages,
    reconciler: {
      wake() {},
      imagePulled() {},
      superseded() {},
      outcome: () => Promise.resolve({ ready: true }),
    } as unknown as Reconciler,
    namespaces,
    inUse,
    sweep,
    // So few that a real daemon can run what is accepted.
    room: new ReplicaRoom({ addresses: 5, log: silentLog }),
    answerMs: 10_000,
  });
  const queries = new FunctionQueries({
    store,
    namespaces,
    states: { get: () => undefined },
    routes: new RoutingTable(),
    containerd: { namespace: () => undefined },
    logs: { archive: { has: () => Promise.resolve(false), query: noLines } },
  } as unknown as FunctionQueriesOptions);
  const provider: Provider = containerdProvider({
    version: { release: '0', sha: '0' },
    deployments,
    queries,
    images: { pulls: () => [] } as unknown as Images,
    host: { read: () => Promise.reject(new Error('the host is not asked')) } as unknown as HostReport,
    measures: { read: () => Promise.resolve([]) } as unknown as Measures,
    secrets: new FunctionSecrets({ store: secrets, namespaces, inUse, refresh: () => Promise.resolve() }),
    namespaces,
    events: new EventFeed(),
  });
  return {
    folder,
    provider,
    start: () => start(dirs),
    remove: async () => {
      // Counts are written late, and would make the folder anew.
      await store.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function namespacesOver(dir: string, inUse: InUse, log = silentLog): FunctionNamespaces {
  const store = new NamespaceStore({ dir, log });
  return new FunctionNamespaces({ containerd: containerdNamespaces(), store, defaultNamespace, inUse, sweep });
}

/**
 * Reads the data folder as a start of the daemon does, into a containerd that has nothing.
 * @throws Error when anything in it is refused
 */
async function start(dirs: { functions: string; namespaces: string; secrets: string }): Promise<void> {
  const complaints: string[] = [];
  const log = createLog({ level: 'warn', write: (line) => complaints.push(line) });
  const store = new FunctionStore({ dir: dirs.functions, at: () => {}, log });
  await store.load();
  await namespacesOver(dirs.namespaces, {} as InUse, log).ensure();
  await new SecretStore({ dir: dirs.secrets }).start();
  for (const { record } of store.all()) {
    for (const generation of [record.current, record.candidate]) if (generation) canRun(generation.deployment);
  }
  if (complaints.length > 0) throw new Error(complaints.join(''));
}

/** @throws Error for a deployment that the reconciler could not bring up */
function canRun(deployment: FunctionDeployment): void {
  const { unreadable } = workloadOf(deployment);
  if (unreadable.length > 0) throw new Error(unreadable.join('; '));
  parseReference(deployment.image);
  buildSpec(specInput(deployment, { resources: resourcesOf(deployment) }));
}

async function* noLines(): AsyncGenerator<never> {}
