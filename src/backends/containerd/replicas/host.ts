import type { Containerd } from '../../../containerd/index.ts';
import type { Log } from '../../../base/log.ts';
import type { LogStore } from '../../../logs/index.ts';
import type { EventFeed } from '../../../provider/index.ts';
import type { ReplicaSecrets, SecretStore } from '../../../secrets/index.ts';
import type { ContainerdStorage } from '../containerd-storage.ts';
import type { AtFaultPoint } from '../fault-points.ts';
import type { AttachmentPool, Network } from '../network/index.ts';
import type { Parts } from '../parts.ts';
import type { HostFeatures, ProgramChecks } from '../runtime-spec/index.ts';
import type { Timed } from '../start-trace.ts';

/** What a replica is made of: the parts of the host that its steps work on. */
export interface Host {
  containerd: Containerd;
  storage: ContainerdStorage;
  network: Network;
  /** Attachments that wait for their replicas. */
  pool: AttachmentPool;
  secrets: SecretStore;
  replicaSecrets: ReplicaSecrets;
  logs: LogStore;
  features: HostFeatures;
  programs: ProgramChecks;
  /** The program that containerd's shim makes processes with. */
  ociRuntime: 'runc' | 'crun';
  parts: Parts;
  /** Folder of each replica's resolv.conf and hosts files, `<runDir>/replicas`. */
  replicaFilesDir: string;
  at: AtFaultPoint;
  /** Measures the steps of a start. */
  timed: Timed;
  /** What happens to functions and to the host is told here, beside the log. */
  events: EventFeed;
  log: Log;
}

/** A replica's place: its container id and the function that it runs. */
export interface ReplicaName {
  id: string;
  name: string;
  namespace: string;
}
