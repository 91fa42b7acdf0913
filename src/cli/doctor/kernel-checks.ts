import { join } from 'node:path';
import { hostFeatures } from '../../backends/containerd/index.ts';
import { fail, isThere, pass, readText, tool, warn, type Check, type Finding, type Patient } from './patient.ts';

const otherKernel = 'boot a kernel that has it, such as the one of the distribution';

export const namespacesCheck: Check = {
  name: 'namespaces',
  async look(patient) {
    const kinds = ['ipc', 'mnt', 'net', 'pid', 'uts'];
    const found = await Promise.all(kinds.map((kind) => isThere(patient, join('proc/self/ns', kind))));
    const missing = kinds.filter((_, index) => !found[index]);
    if (missing.length > 0) return fail(`the kernel has no namespaces of the kind ${missing.join(', ')}`, otherKernel);
    const limits = await Promise.all(kinds.map((kind) => readText(patient, `proc/sys/user/max_${kind}_namespaces`)));
    const barred = kinds.filter((_, index) => limits[index]?.trim() === '0');
    if (barred.length === 0) return pass(kinds.join(', '));
    const settings = barred.map((kind) => `user.max_${kind}_namespaces=15000`).join(' ');
    return fail(`namespaces of the kind ${barred.join(', ')} are switched off`, `sudo sysctl -w ${settings}`);
  },
};

export const seccompCheck: Check = {
  name: 'seccomp',
  async look({ root }) {
    const { seccomp } = await hostFeatures(root);
    if (seccomp) return pass('the kernel filters system calls');
    return fail('the kernel filters no system calls, so functions may make any', otherKernel);
  },
};

export const overlayfsCheck: Check = {
  name: 'overlayfs',
  async look(patient) {
    const filesystems = (await readText(patient, 'proc/filesystems')) ?? '';
    if (/\boverlay$/m.test(filesystems)) return pass('in the kernel');
    const module = await tool('modprobe', ['--dry-run', '--quiet', 'overlay']);
    if (module?.exitCode === 0) return pass('a module of the kernel, not loaded yet');
    const found = 'the kernel has no overlayfs: each replica takes a copy of its image';
    return warn(found, `sudo modprobe overlay; where that fails, ${otherKernel}`);
  },
};

const ipArgs = ['--net', 'ip', 'link', 'add', 'name', 'berth0', 'type'];

export const bridgeCheck: Check = {
  name: 'bridge, veth',
  needsRoot: true,
  // Tried where it leaves nothing behind: in a network namespace that ends with the program.
  async look() {
    const kinds = { bridge: [], veth: ['peer', 'name', 'berth1'] };
    const tried = Object.entries(kinds).map(async ([kind, more]): Promise<Finding[]> => {
      const made = await tool('unshare', [...ipArgs, kind, ...more]);
      if (made?.exitCode === 0) return [];
      const why = made?.stderr.trim() ?? 'no such program: unshare';
      if (/ip.*(not found|No such file)/.test(why)) {
        return [fail('the program ip is missing', 'sudo apt-get install iproute2')];
      }
      const mend = `sudo modprobe ${kind}; where that fails, ${otherKernel}`;
      return [fail(`the kernel makes no interface of the kind ${kind}: ${why}`, mend)];
    });
    const wrong = (await Promise.all(tried)).flat();
    return wrong.length > 0 ? wrong : pass('the kernel makes both');
  },
};

/** Whether a kernel's cgroups have what limits of functions need. */
export const cgroupCheck: Check = {
  name: 'cgroup',
  async look(patient) {
    const host = await hostFeatures(patient.root);
    const lacking = [...(host.cpuController ? [] : ['cpu']), ...(host.pidsController ? [] : ['pids'])];
    const findings: Finding[] = lacking.map((name) =>
      warn(
        `version ${host.cgroupVersion} without the controller ${name}: its limits of functions have no effect`,
        `echo +${name} | sudo tee /sys/fs/cgroup/cgroup.subtree_control; where that fails, ${otherKernel}`,
      ),
    );
    if (!host.memoryController) findings.push(await withoutMemory(patient, host.cgroupVersion));
    return findings.length > 0 ? findings : pass(`version ${host.cgroupVersion} with memory, cpu and pids`);
  },
};

async function withoutMemory(patient: Patient, version: number): Promise<Finding> {
  const found = `version ${version} without the controller memory: memory limits of functions have no effect`;
  for (const file of ['boot/firmware/cmdline.txt', 'boot/cmdline.txt']) {
    const text = await readText(patient, file);
    if (text !== undefined) return fail(found, `${cmdlineMend(`/${file}`, text)}sudo reboot`);
  }
  const grub = '/etc/default/grub';
  const isDisabled = (await readText(patient, 'proc/cmdline'))?.includes('cgroup_disable=memory');
  const change = isDisabled
    ? `sudo sed -i 's/ *cgroup_disable=memory//' ${grub}`
    : `sudo sed -i 's/^GRUB_CMDLINE_LINUX="/&cgroup_enable=memory /' ${grub}`;
  return fail(found, `${change} && sudo update-grub && sudo reboot`);
}

/** The Raspberry Pi's firmware switches it off, which the file of the kernel's command line outweighs. */
function cmdlineMend(file: string, text: string): string {
  const commands = [
    ...(text.includes('cgroup_disable=memory') ? ['s/ *cgroup_disable=memory//'] : []),
    ...(text.includes('cgroup_enable=memory') ? [] : ['1s/ *$/ cgroup_enable=memory/']),
  ];
  return commands.length > 0 ? `sudo sed -i '${commands.join('; ')}' ${file} && ` : '';
}
