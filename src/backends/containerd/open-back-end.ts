import path from 'node:path';
import type { Containerd } from '../../containerd/index.ts';
import type { Log } from '../../base/log.ts';
import type { LogStore } from '../../logs/index.ts';
import {
  RoutingTable,
  type EventFeed,
  type FunctionName,
  type NetworkTarget,
  type PullPolicy,
  type VersionInfo,
} from '../../provider/index.ts';
import { ReplicaSecrets, SecretStore } from '../../secrets/index.ts';
import { ContainerdBackEnd } from './containerd-back-end.ts';
import { ContainerdFollower } from './containerd-follower.ts';
import { containerdProvider } from './containerd-provider.ts';
import type { ContainerdStorage } from './containerd-storage.ts';
import { Deployments } from './deployments.ts';
import { DiskWatch } from './disk-watch.ts';
import { FunctionStore } from './desired/function-store.ts';
import { shortId } from './desired/record.ts';
import { NamespaceStore } from './desired/namespace-store.ts';
import type { AtFaultPoint } from './fault-points.ts';
import { FunctionNamespaces } from './function-namespaces.ts';
import { FunctionQueries } from './function-queries.ts';
import { FunctionSecrets } from './function-secrets.ts';
import { GenerationImages } from './generation-images.ts';
import { warnOfFewInotifyInstances } from './host-limits.ts';
import { HostReport } from './host-report.ts';
import type { Images } from './images/index.ts';
import { InUse } from './in-use.ts';
import { AttachmentPool, type Network } from './network/index.ts';
import { Measures } from './measures.ts';
import { Parts } from './parts.ts';
import { PullSecrets } from './pull-secrets.ts';
import { FunctionStates } from './reconcile/function-states.ts';
import { Reconciler } from './reconcile/reconciler.ts';
import type { Host } from './replicas/host.ts';
import { refreshSecrets } from './replicas/start-task.ts';
import { hostFeatures, ProgramChecks } from './runtime-spec/index.ts';
import { ReplicaRoom } from './replica-room.ts';
import { ReplicaDiskWatch } from './replica-disk-watch.ts';
import { untimed } from './start-trace.ts';
import { Sweep } from './sweep.ts';
import { defaultTiming, type Timing } from './timing.ts';

export interface BackEndSettings {
  /** Folder of what is wanted: functions, namespaces, secrets. */
  dataDir: string;
  /** Folder of the functions' logs. */
  logDir: string;
  /** Folder of what a reboot may take: replicas' secrets and host files. */
  runDir: string;
  /** The program that containerd's shim makes processes with, runc unless set. */
  ociRuntime?: 'runc' | 'crun';
  /** Folders of CNI plugins, to ask them for their version. */
  cniBinDirs?: string[];
  /** How many network namespaces are kept ready for new replicas, 0 unless set. */
  networksReady?: number;
  /** Bytes that a replica may take on disk, 0 for any; unset for 10 GiB, or half of the disk where that is less. */
  diskLimitBytes?: number;
  defaultNamespace: string;
  pullPolicy?: PullPolicy;
  networkAllowMax?: NetworkTarget[];
}

export interface BackEndOptions {
  containerd: Containerd;
  images: Images;
  network: Network;
  logs: LogStore;
  storage: ContainerdStorage;
  settings: BackEndSettings;
  version: VersionInfo;
  timing?: Partial<Timing>;
  at?: AtFaultPoint;
  events: EventFeed;
  log: Log;
}

/** Builds the back end, each part from those before it; nothing runs until its `start`. */
export async function openBackEnd(options: BackEndOptions): Promise<ContainerdBackEnd> {
  const { containerd, images, logs, version, events, log } = options;
  const { dataDir, defaultNamespace, networkAllowMax, pullPolicy: defaultPolicy } = options.settings;
  const timing = { ...defaultTiming, ...options.timing };
  const host = await hostOf(options);
  const { secrets } = host;
  const store = new FunctionStore({ dir: path.join(dataDir, 'functions'), at: host.at, log });
  const namespaceStore = new NamespaceStore({ dir: path.join(dataDir, 'namespaces'), log });
  const routes = new RoutingTable();
  const states = new FunctionStates(timing);
  const inUse = new InUse({ store, secrets, states });
  const sweep = new Sweep({ host, images, inUse, defaultNamespace });
  const namespaces = new FunctionNamespaces({ containerd, store: namespaceStore, defaultNamespace, inUse, sweep });
  const pullSecrets = new PullSecrets(secrets);
  const generations = new GenerationImages({ images, pullSecrets, defaultPolicy });
  const reconciler = new Reconciler({ store, host, images: generations, routes, states, sweep, timing, log });
  const { answerMs } = timing;
  const taken = () => states.replicaIds().length;
  const room = new ReplicaRoom({ addresses: host.network.capacity, taken, log });
  const limits = { room, networkAllowMax, answerMs };
  const deploying = { store, secrets, images: generations, reconciler, namespaces, inUse, sweep, events, ...limits };
  const deployments = new Deployments(deploying);
  const provider = containerdProvider({
    version,
    deployments,
    images,
    host: hostReport(options),
    queries: new FunctionQueries({ containerd, store, states, namespaces, routes, logs }),
    measures: new Measures({ containerd, store, states, log }),
    secrets: new FunctionSecrets({
      store: secrets,
      namespaces,
      inUse,
      refresh: (replica) => refreshSecrets(host, replica),
    }),
    namespaces,
    events,
  });
  const follower = new ContainerdFollower({ host, namespaces, store, reconciler, sweep });
  const { diskLimitBytes: limitBytes } = options.settings;
  const wake = (fn: FunctionName) => reconciler.wake(fn);
  const replicaDisks = new ReplicaDiskWatch({ host, store, states, wake, limitBytes });
  const folders = foldersOf(options.settings);
  const disks = new DiskWatch({ host, states, wake, folders, onContainerdFull: () => replicaDisks.hurry() });
  return new ContainerdBackEnd({
    provider,
    host,
    store,
    reconciler,
    deployments,
    sweep,
    follower,
    disks,
    replicaDisks,
  });
}

/** Returns the folders that are written to, by the settings that name them. */
function foldersOf({ dataDir, logDir, runDir }: BackEndSettings): Record<string, string> {
  return { data_dir: dataDir, log_dir: logDir, run_dir: runDir };
}

function hostReport({ containerd, storage, settings, version, log }: BackEndOptions): HostReport {
  const { ociRuntime = 'runc', cniBinDirs = [] } = settings;
  const { release } = version;
  return new HostReport({ containerd, storage, release, ociRuntime, cniBinDirs, folders: foldersOf(settings), log });
}

async function hostOf(options: BackEndOptions): Promise<Host> {
  const { containerd, storage, network, logs, settings, at = () => {}, events, log } = options;
  const { dataDir, runDir } = settings;
  await warnOfFewInotifyInstances(log);
  return {
    containerd,
    storage,
    network,
    pool: poolOf(options),
    secrets: new SecretStore({ dir: path.join(dataDir, 'secrets') }),
    replicaSecrets: new ReplicaSecrets({ runDir, log }),
    logs,
    features: await hostFeatures(),
    programs: new ProgramChecks(),
    ociRuntime: settings.ociRuntime ?? 'runc',
    parts: new Parts(log, events),
    replicaFilesDir: path.join(runDir, 'replicas'),
    at,
    timed: untimed,
    events,
    log,
  };
}

/** With at most half of the addresses that nothing has. */
function poolOf({ network, settings, log }: BackEndOptions): AttachmentPool {
  const { networksReady: size = 0 } = settings;
  return new AttachmentPool({
    size,
    newId: shortId,
    attach: (id) => network.attach(id),
    detach: (id) => network.detach(id),
    hasRoom: async () => (await network.freeAddresses()) > size * 2,
    log,
  });
}
