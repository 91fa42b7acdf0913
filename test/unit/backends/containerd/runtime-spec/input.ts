import type { HostFeatures, SpecInput } from '../../../../../src/backends/containerd/runtime-spec/index.ts';

/** A host on which everything can be enforced. */
export const capableHost: HostFeatures = {
  architecture: 'amd64',
  cgroupVersion: 2,
  memoryController: true,
  cpuController: true,
  pidsController: true,
  swapAccounting: true,
  seccomp: true,
  maxOpenFiles: 524_288,
  sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' },
};

/** A plain function, `deployment` over the defaults and `input` over all. */
export function specInput(
  deployment: Partial<SpecInput['deployment']> = {},
  input: Partial<Omit<SpecInput, 'deployment'>> = {},
): SpecInput {
  return {
    deployment: { name: 'figlet', namespace: 'openfaas-fn', image: 'example.com/figlet:1', ...deployment },
    replicaId: 'a1b2c3',
    namespace: 'openfaas-fn',
    imageConfig: { Cmd: ['fwatchdog'] },
    user: { uid: 0, gid: 0, additionalGids: [0] },
    netnsPath: '/run/netns/a1b2c3',
    hostFiles: { resolvConf: '/var/lib/berth/resolv.conf', hosts: '/var/lib/berth/hosts' },
    resources: {},
    host: capableHost,
    ...input,
  };
}
