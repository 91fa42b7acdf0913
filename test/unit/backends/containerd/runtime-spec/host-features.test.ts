import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { hostFeatures } from '../../../../../src/backends/containerd/runtime-spec/index.ts';

const limits = (hard: string) => ({
  'proc/self/limits': `Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 ${hard}               files\n`,
});
const allGroups = { 'proc/self/gid_map': '         0          0 4294967295\n' };
const status = { 'proc/self/status': 'Name:\tnode\nSeccomp:\t0\n', ...limits('20000'), ...allGroups };

/** Features of a host that has these files. */
async function featuresOf(files: Record<string, string>) {
  const root = await mkdtemp(join(tmpdir(), 'berth-host-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    return await hostFeatures(root);
  } finally {
    await rm(root, { recursive: true });
  }
}

test('a cgroup v2 host with swap accounting', async (t) => {
  t.like(
    await featuresOf({
      ...status,
      'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io memory hugetlb pids rdma\n',
      'sys/fs/cgroup/init.scope/memory.swap.max': 'max\n',
    }),
    {
      cgroupVersion: 2,
      memoryController: true,
      cpuController: true,
      pidsController: true,
      swapAccounting: true,
      seccomp: true,
      maxOpenFiles: 20_000,
    },
  );
});

test('a Raspberry Pi as it comes has no memory controller', async (t) => {
  t.like(
    await featuresOf({
      ...status,
      'sys/fs/cgroup/cgroup.controllers': 'cpuset cpu io pids\n',
      'sys/fs/cgroup/init.scope/pids.max': 'max\n',
    }),
    { cgroupVersion: 2, memoryController: false, swapAccounting: false, cpuController: true },
  );
});

test('a hybrid host is one of cgroup v1', async (t) => {
  t.like(
    await featuresOf({
      ...status,
      'sys/fs/cgroup/unified/cgroup.controllers': 'hugetlb\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '1\n',
      'sys/fs/cgroup/cpu/cpu.shares': '1024\n',
    }),
    { cgroupVersion: 1, memoryController: true, cpuController: true, pidsController: false, swapAccounting: false },
  );
});

test('swap accounting on cgroup v1, and a kernel without seccomp', async (t) => {
  t.like(
    await featuresOf({
      'proc/self/status': 'Name:\tnode\n',
      ...limits('unlimited'),
      ...allGroups,
      'sys/fs/cgroup/memory/memory.memsw.limit_in_bytes': '1\n',
    }),
    { swapAccounting: true, seccomp: false, maxOpenFiles: Infinity },
  );
});

const networkFiles = {
  'proc/sys/net/ipv4/ip_unprivileged_port_start': '1024\n',
  'proc/sys/net/ipv4/ping_group_range': '1\t0\n',
  'sys/fs/cgroup/cgroup.controllers': '\n',
};
for (const [host, files, sysctls] of [
  [
    'any host',
    networkFiles,
    { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 2147483647' },
  ],
  [
    'a host in a user namespace',
    { ...networkFiles, 'proc/self/gid_map': '         0     100000      65536\n' },
    { 'net.ipv4.ip_unprivileged_port_start': '0', 'net.ipv4.ping_group_range': '0 65535' },
  ],
  ['a kernel that has neither', { 'sys/fs/cgroup/cgroup.controllers': '\n' }, {}],
] as const) {
  test(`ports and ping of every user on ${host}`, async (t) => {
    t.deepEqual((await featuresOf({ ...status, ...files })).sysctls, sysctls);
  });
}

test('this host is one that functions can run on', async (t) => {
  const features = await hostFeatures();
  t.true(['amd64', 'arm64'].includes(features.architecture));
  t.true([1, 2].includes(features.cgroupVersion));
});
