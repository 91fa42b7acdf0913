import test from 'ava';
import {
  buildSpec,
  validateDeployment,
  type ImageExecution,
} from '../../../../../src/backends/containerd/runtime-spec/index.ts';
import { BadRequestError } from '../../../../../src/provider/index.ts';
import { StartError } from '../../../../../src/backends/containerd/start-error.ts';
import { capableHost, specInput } from './input.ts';

const capabilities = (value: string) => ({ annotations: { 'com.openfaas.berth.capabilities': value } });

test('a plain function has no capability, cannot gain any, and is filtered', (t) => {
  const { process, linux } = buildSpec(specInput());
  t.deepEqual(process.capabilities, { bounding: [], permitted: [], effective: [], inheritable: [], ambient: [] });
  t.true(process.noNewPrivileges);
  t.is(linux.seccomp?.defaultAction, 'SCMP_ACT_ERRNO');
  t.deepEqual(linux.resources.devices, [{ allow: false, access: 'rwm' }]);
  t.deepEqual(linux.resources.pids, { limit: 1024 });
});

test('the same input gives the same bytes', (t) => {
  t.is(JSON.stringify(buildSpec(specInput())), JSON.stringify(buildSpec(specInput())));
});

test('entrypoint and command make the arguments', (t) => {
  const args = (imageConfig: { Entrypoint?: string[] | null; Cmd?: string[] | null }) =>
    buildSpec(specInput({}, { imageConfig })).process.args;
  t.deepEqual(args({ Entrypoint: ['/bin/sh', '-c'], Cmd: ['exec x'] }), ['/bin/sh', '-c', 'exec x']);
  t.deepEqual(args({ Entrypoint: ['fwatchdog'], Cmd: null }), ['fwatchdog']);
  t.deepEqual(args({ Entrypoint: null, Cmd: ['fwatchdog'] }), ['fwatchdog']);
  t.deepEqual(args({ Entrypoint: [''], Cmd: ['fwatchdog'] }), ['fwatchdog'], 'as Docker has it, none');
});

const commandless: [string, ImageExecution | null][] = [
  ['no config', null],
  ['an empty config', {}],
  ['empty lists', { Entrypoint: [], Cmd: [] }],
];
for (const [title, imageConfig] of commandless) {
  test(`an image with ${title} is refused, naming it`, (t) => {
    const error = t.throws(() => buildSpec(specInput({}, { imageConfig })), { instanceOf: StartError });
    t.regex(error.message, /^image example\.com\/figlet:1 has no command/);
  });
}

for (const [workingDir, cwd] of [
  ['/home/app', '/home/app'],
  ['', '/'],
  [null, '/'],
  [undefined, '/'],
  ['app', '/app'],
] as const) {
  test(`working directory ${JSON.stringify(workingDir)} becomes ${cwd}`, (t) => {
    t.is(buildSpec(specInput({}, { imageConfig: { Cmd: ['x'], WorkingDir: workingDir } })).process.cwd, cwd);
  });
}

test('the host name is the function name, cut where the kernel would refuse it', (t) => {
  t.is(buildSpec(specInput()).hostname, 'figlet');
  t.is(buildSpec(specInput({ name: 'a'.repeat(70) })).hostname.length, 64);
});

for (const [maxOpenFiles, soft, hard] of [
  [Infinity, 65_536, 1_048_576],
  [524_288, 65_536, 524_288],
  [20_000, 20_000, 20_000],
] as const) {
  test(`on a host that allows ${maxOpenFiles} open files a function may have ${soft}, and raise it to ${hard}`, (t) => {
    const { rlimits } = buildSpec(specInput({}, { host: { ...capableHost, maxOpenFiles } })).process;
    t.deepEqual(rlimits, [{ type: 'RLIMIT_NOFILE', soft, hard }]);
  });
}

test('the network namespace is entered by path and all others but the user one are made', (t) => {
  t.deepEqual(buildSpec(specInput()).linux.namespaces, [
    { type: 'pid' },
    { type: 'ipc' },
    { type: 'uts' },
    { type: 'mount' },
    { type: 'cgroup' },
    { type: 'network', path: '/run/netns/a1b2c3' },
  ]);
});

test('the cgroup is named for namespace and replica unless the caller says', (t) => {
  t.is(buildSpec(specInput()).linux.cgroupsPath, '/openfaas-fn/a1b2c3');
  t.is(buildSpec(specInput({}, { cgroupsPath: '/berth/x' })).linux.cgroupsPath, '/berth/x');
});

test('name service files and secrets are bound read-only', (t) => {
  const hostFiles = { resolvConf: '/h/resolv.conf', hosts: '/h/hosts' };
  const { mounts } = buildSpec(specInput({}, { hostFiles, secretsDir: '/run/berth/secrets/a1b2c3' }));
  const binds = mounts.filter(({ type }) => type === 'bind');
  t.deepEqual(
    binds.map(({ source, destination }) => [source, destination]),
    [
      ['/h/resolv.conf', '/etc/resolv.conf'],
      ['/h/hosts', '/etc/hosts'],
      ['/run/berth/secrets/a1b2c3', '/var/openfaas/secrets'],
    ],
  );
  t.true(binds.every(({ options }) => options.includes('rbind') && options.includes('ro')));
});

test('a function without secrets has no secrets mount, and what the image ships in /run stays visible', (t) => {
  const destinations = buildSpec(specInput()).mounts.map(({ destination }) => destination);
  t.false(destinations.includes('/var/openfaas/secrets'));
  t.false(destinations.includes('/run'));
  t.true(destinations.includes('/sys/fs/cgroup'));
});

test('under a read-only root folders stay writable, before what is mounted within them', (t) => {
  const { root, mounts } = buildSpec(
    specInput({ readOnlyRootFilesystem: true }, { writableFolders: ['/tmp', '/etc'] }),
  );
  t.true(root.readonly);
  const binds = mounts.filter(({ type }) => type === 'bind').map(({ source, destination }) => [source, destination]);
  t.deepEqual(binds.slice(0, 2), [
    ['rootfs/tmp', '/tmp'],
    ['rootfs/etc', '/etc'],
  ]);
  t.is(binds[2]?.[1], '/etc/resolv.conf');
  const open = buildSpec(specInput({ readOnlyRootFilesystem: false }));
  t.false(open.root.readonly);
  t.false(open.mounts.some(({ destination }) => destination === '/tmp'));
});

test('capabilities are granted by annotation, with or without CAP_, in any case and spacing', (t) => {
  const { process, linux } = buildSpec(specInput(capabilities(' net_bind_service, CAP_CHOWN,,CHOWN')));
  const granted = ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'];
  t.deepEqual(process.capabilities, {
    bounding: granted,
    permitted: granted,
    effective: granted,
    inheritable: [],
    ambient: [],
  });
  t.true(process.noNewPrivileges);
  t.false(allowedNames(linux.seccomp).includes('chroot'));
});

test('a granted capability reaches a user other than root through the ambient set', (t) => {
  const user = { uid: 100, gid: 100, additionalGids: [100] };
  const { process } = buildSpec(specInput(capabilities('NET_BIND_SERVICE'), { user }));
  t.deepEqual(process.capabilities.ambient, ['CAP_NET_BIND_SERVICE']);
  t.deepEqual(process.capabilities.inheritable, ['CAP_NET_BIND_SERVICE']);
});

test('SYS_CHROOT opens chroot in the filter', (t) => {
  t.true(allowedNames(buildSpec(specInput(capabilities('SYS_CHROOT'))).linux.seccomp).includes('chroot'));
});

for (const asked of ['SYS_ADMIN', 'CAP_SYS_PTRACE', 'ALL', 'chown;kill', 'CAP_CAP_CHOWN']) {
  test(`capability ${asked} is refused, naming the allowed ones`, (t) => {
    const { deployment } = specInput(capabilities(`CHOWN,${asked}`));
    const error = t.throws(() => validateDeployment(deployment), { instanceOf: BadRequestError });
    t.regex(error.message, /AUDIT_WRITE, CHOWN.*NET_BIND_SERVICE.*SYS_CHROOT/);
    t.throws(() => buildSpec(specInput(deployment)), { instanceOf: BadRequestError });
  });
}

test('the filter is for one architecture and leaves out what reaches the host', (t) => {
  const { seccomp } = buildSpec(specInput()).linux;
  t.deepEqual(seccomp?.architectures, ['SCMP_ARCH_X86_64']);
  const names = allowedNames(seccomp);
  t.is(names.length, new Set(names).size, 'no name twice');
  for (const name of ['execve', 'openat', 'futex', 'epoll_pwait', 'arch_prctl', 'ptrace']) t.true(names.includes(name));
  for (const name of ['mount', 'umount2', 'unshare', 'setns', 'bpf', 'keyctl', 'reboot', 'io_uring_setup', 'socket']) {
    t.false(names.includes(name), name);
  }
});

test('the filter of arm64 names its own calls', (t) => {
  const { seccomp } = buildSpec(specInput({}, { host: { ...capableHost, architecture: 'arm64' } })).linux;
  t.deepEqual(seccomp?.architectures, ['SCMP_ARCH_AARCH64']);
  t.true(allowedNames(seccomp).includes('set_tls'));
  t.false(allowedNames(seccomp).includes('arch_prctl'));
});

for (const [architecture, names] of [
  ['amd64', ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']],
  ['arm64', ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM']],
] as const) {
  test(`a 32-bit image on ${architecture} gets the same filter, for both modes of the processor`, (t) => {
    const host = { ...capableHost, architecture };
    const { seccomp } = buildSpec(specInput({}, { host, is32Bit: true })).linux;
    t.deepEqual(seccomp?.architectures, [...names]);
    t.deepEqual(seccomp?.syscalls, buildSpec(specInput({}, { host })).linux.seccomp?.syscalls);
  });
}

test('namespaces cannot be made by clone, and clone3 answers as on an old kernel', (t) => {
  const rules = buildSpec(specInput()).linux.seccomp?.syscalls ?? [];
  t.like(
    rules.find(({ names }) => names.includes('clone')),
    { action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 2114060288, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }] },
  );
  t.like(
    rules.find(({ names }) => names.includes('clone3')),
    { action: 'SCMP_ACT_ERRNO', errnoRet: 38 },
  );
});

test('a kernel without seccomp gets no filter', (t) => {
  t.is(buildSpec(specInput({}, { host: { ...capableHost, seccomp: false } })).linux.seccomp, undefined);
});

function allowedNames(seccomp: ReturnType<typeof buildSpec>['linux']['seccomp']): string[] {
  return (seccomp?.syscalls ?? [])
    .filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && args === undefined)
    .flatMap(({ names }) => names);
}
