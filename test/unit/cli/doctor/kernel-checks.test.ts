import test from 'ava';
import { cgroupCheck, namespacesCheck, seccompCheck } from '../../../../src/cli/doctor/kernel-checks.ts';
import { patientWith } from './patient-with.ts';

const process = {
  'proc/self/status': 'Name:\tnode\nSeccomp:\t0\n',
  'proc/self/limits': '',
  'proc/self/gid_map': '0 0 4294967295\n',
};
const version2 = (controllers: string) => ({ ...process, 'sys/fs/cgroup/cgroup.controllers': `${controllers}\n` });

test('a kernel with all controllers passes, in both versions', async (t) => {
  const patient = await patientWith(t, { files: version2('cpuset cpu io memory pids') });
  t.deepEqual(await cgroupCheck.look(patient), { verdict: 'pass', found: 'version 2 with memory, cpu and pids' });
  const files = Object.fromEntries(['memory', 'cpu', 'pids'].map((name) => [`sys/fs/cgroup/${name}/tasks`, '']));
  const old = await patientWith(t, { files: { ...process, ...files } });
  t.deepEqual(await cgroupCheck.look(old), { verdict: 'pass', found: 'version 1 with memory, cpu and pids' });
});

const withoutMemory = version2('cpuset cpu io pids');
const cmdline = 'console=tty1 root=PARTUUID=1-02 rootwait\n';

for (const [what, files, mend] of [
  [
    'a Raspberry Pi as it comes',
    { 'boot/firmware/cmdline.txt': cmdline, 'boot/cmdline.txt': 'DO NOT EDIT' },
    "sudo sed -i '1s/ *$/ cgroup_enable=memory/' /boot/firmware/cmdline.txt && sudo reboot",
  ],
  [
    'an older Raspberry Pi OS that switches it off itself',
    { 'boot/cmdline.txt': `cgroup_disable=memory ${cmdline}` },
    "sudo sed -i 's/ *cgroup_disable=memory//; 1s/ *$/ cgroup_enable=memory/' /boot/cmdline.txt && sudo reboot",
  ],
  [
    'a Raspberry Pi whose file was changed and which was not rebooted',
    { 'boot/firmware/cmdline.txt': `${cmdline.trim()} cgroup_enable=memory\n` },
    'sudo reboot',
  ],
  [
    'a kernel that was told to have none',
    { 'proc/cmdline': 'quiet cgroup_disable=memory\n' },
    "sudo sed -i 's/ *cgroup_disable=memory//' /etc/default/grub && sudo update-grub && sudo reboot",
  ],
  [
    'another kernel without it',
    { 'proc/cmdline': 'quiet\n' },
    `sudo sed -i 's/^GRUB_CMDLINE_LINUX="/&cgroup_enable=memory /' /etc/default/grub && sudo update-grub && sudo reboot`,
  ],
] as const) {
  test(`the memory cgroup of ${what} is missed, and its mend is named`, async (t) => {
    const patient = await patientWith(t, { files: { ...withoutMemory, ...files } });
    const found = 'version 2 without the controller memory: memory limits of functions have no effect';
    t.deepEqual(await cgroupCheck.look(patient), [{ verdict: 'fail', found, mend }]);
  });
}

test('controllers for cpu and processes that are missing are named', async (t) => {
  const findings = await cgroupCheck.look(await patientWith(t, { files: version2('memory') }));
  t.deepEqual(
    [findings].flat().map(({ verdict, found }) => [verdict, /controller (\w+)/.exec(found)?.[1]]),
    [
      ['warn', 'cpu'],
      ['warn', 'pids'],
    ],
  );
});

const namespaces = Object.fromEntries(['ipc', 'mnt', 'net', 'pid', 'uts'].map((kind) => [`proc/self/ns/${kind}`, '']));

test('kinds of namespaces that are missing or switched off are named', async (t) => {
  t.like(await namespacesCheck.look(await patientWith(t, { files: namespaces })), { verdict: 'pass' });
  const fewer = Object.fromEntries(Object.entries(namespaces).filter(([path]) => !path.endsWith('net')));
  t.like(await namespacesCheck.look(await patientWith(t, { files: fewer })), {
    verdict: 'fail',
    found: 'the kernel has no namespaces of the kind net',
  });
  const barred = await patientWith(t, { files: { ...namespaces, 'proc/sys/user/max_net_namespaces': '0\n' } });
  t.like(await namespacesCheck.look(barred), { verdict: 'fail', mend: 'sudo sysctl -w user.max_net_namespaces=15000' });
});

test('a kernel without seccomp is a failure', async (t) => {
  t.like(await seccompCheck.look(await patientWith(t, { files: version2('memory') })), { verdict: 'pass' });
  const files = { ...version2('memory'), 'proc/self/status': 'Name:\tnode\n' };
  t.like(await seccompCheck.look(await patientWith(t, { files })), { verdict: 'fail' });
});
