import { resolve } from 'node:path/posix';
import { capabilitiesOf, type FunctionDeployment, type ResourceAmounts } from '../../../provider/index.ts';
import { StartError } from '../start-error.ts';
import { environment, validateEnvironment, validateProcess } from './environment.ts';
import type { HostFeatures } from './host-features.ts';
import { functionMounts, maskedPaths, readonlyPaths, type HostFiles } from './mounts.ts';
import type { OciCapabilities, OciLinux, OciProcess, OciSpec, OciUser } from './oci-spec.ts';
import { resourceLimits, validateResources } from './resource-limits.ts';
import { seccompProfile } from './seccomp.ts';

/**
 * The `config` of an OCI image, any part of which may be missing or null.
 * Source: https://github.com/opencontainers/image-spec/blob/v1.1.0/config.md
 */
export interface ImageExecution {
  User?: string | null;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  WorkingDir?: string | null;
  Volumes?: Record<string, unknown> | null;
}

export interface SpecInput {
  deployment: FunctionDeployment;
  replicaId: string;
  /** containerd's namespace, which is also the parent of the default cgroup. */
  namespace: string;
  imageConfig?: ImageExecution | null;
  /** Who the function runs as, from resolveUser. */
  user: OciUser;
  /** A network namespace that is there already, e.g. /run/netns/ID. */
  netnsPath: string;
  hostFiles: HostFiles;
  /** Folder with the replica's copy of its secrets; absent when it has none. */
  secretsDir?: string;
  /** Folders that stay writable under a read-only root, from prepareWritableFolders. */
  writableFolders?: string[];
  resources: ResourceAmounts;
  host: HostFeatures;
  /** Whether the image is built for the 32-bit mode of the processor. */
  is32Bit?: boolean;
  /** Path of the cgroup under the root of the tree; /NAMESPACE/REPLICA when absent. */
  cgroupsPath?: string;
}

/** The longest host name in Linux (sethostname(2)). */
const hostnameLength = 64;
/** Has the kernel kill functions before the daemon and containerd when the host runs out of memory. */
const oomScoreAdj = 500;
const softOpenFiles = 65_536;
const hardOpenFiles = 1_048_576;

/**
 * Refuses what buildSpec would refuse later, so that a deploy fails before anything is pulled.
 * @throws StartError saying what to mend
 */
export function validateDeployment(deployment: FunctionDeployment, resources: ResourceAmounts = {}): void {
  capabilitiesOf(deployment);
  validateEnvironment(deployment);
  validateResources(resources);
}

/**
 * Builds the runtime spec of one replica, from its input alone.
 * Source: https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md
 * @throws StartError for what the deployer must mend
 */
export function buildSpec(input: SpecInput): OciSpec {
  const { deployment, hostFiles, secretsDir, writableFolders, resources } = input;
  validateDeployment(deployment, resources);
  return {
    ociVersion: '1.0.2',
    hostname: deployment.name.slice(0, hostnameLength),
    root: { path: 'rootfs', readonly: deployment.readOnlyRootFilesystem ?? false },
    process: processSpec(input),
    mounts: functionMounts({ hostFiles, secretsDir, writableFolders }),
    linux: linuxSpec(input),
  };
}

function processSpec({ deployment, imageConfig, user, host }: SpecInput): OciProcess {
  const args = command(deployment.image, imageConfig);
  const env = environment(deployment, imageConfig?.Env ?? []);
  const cwd = resolve('/', imageConfig?.WorkingDir ?? '');
  validateProcess({ args, env, cwd });
  return {
    args,
    env,
    cwd,
    user,
    noNewPrivileges: true,
    capabilities: capabilitySets(capabilitiesOf(deployment), user.uid),
    rlimits: [openFilesLimit(host)],
    oomScoreAdj,
  };
}

/** Limits open files: systemd's 2^30, inherited without it, chokes programs that close every descriptor. */
function openFilesLimit({ maxOpenFiles }: HostFeatures): OciProcess['rlimits'][number] {
  const [soft, hard] = [Math.min(softOpenFiles, maxOpenFiles), Math.min(hardOpenFiles, maxOpenFiles)];
  return { type: 'RLIMIT_NOFILE', soft, hard };
}

function command(image: string, imageConfig: SpecInput['imageConfig']): string[] {
  const { Entrypoint, Cmd } = imageConfig ?? {};
  // An entry point of one empty word is none: that is how some builders take the base image's away.
  const isNone = Entrypoint?.length === 1 && Entrypoint[0] === '';
  const args = [...(isNone ? [] : (Entrypoint ?? [])), ...(Cmd ?? [])];
  if (args.length === 0) {
    throw new StartError('invalid', `image ${image} has no command: give it an ENTRYPOINT or a CMD and build it again`);
  }
  return args;
}

function linuxSpec(input: SpecInput): OciLinux {
  const { deployment, host, is32Bit = false, netnsPath, namespace, replicaId, resources, cgroupsPath } = input;
  const { architecture } = host;
  const capabilities = capabilitiesOf(deployment);
  return {
    cgroupsPath: cgroupsPath ?? `/${namespace}/${replicaId}`,
    resources: resourceLimits(resources, host),
    namespaces: [
      { type: 'pid' },
      { type: 'ipc' },
      { type: 'uts' },
      { type: 'mount' },
      { type: 'cgroup' },
      { type: 'network', path: netnsPath },
    ],
    sysctl: host.sysctls,
    maskedPaths,
    readonlyPaths,
    ...(host.seccomp && { seccomp: seccompProfile({ architecture, is32Bit, capabilities }) }),
  };
}

/**
 * The kernel takes the effective set of any user but root away when the process starts; only the ambient set survives
 * that (capabilities(7)). no_new_privs keeps the inheritable set, which ambient needs, from being of use to a file.
 */
function capabilitySets(granted: string[], uid: number): OciCapabilities {
  const kept = uid === 0 ? [] : granted;
  return { bounding: granted, permitted: granted, effective: granted, inheritable: kept, ambient: kept };
}
