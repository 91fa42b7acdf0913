import { readdir, readFile, readlink } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { ContainerdStorage } from '../../backends/containerd/index.ts';
import { silentLog, describeError } from '../../base/log.ts';
import { systemPath } from '../../base/run-program.ts';
import { Containerd, ContainerdError } from '../../containerd/index.ts';
import { fail, hasSystemd, isThere, pass, tool, warn, type Check, type Finding, type Patient } from './patient.ts';

const timeoutMs = 8000;
const oldest = [1, 6];
const update = 'sudo apt-get update && sudo apt-get install containerd';

export const containerdCheck: Check = {
  name: 'containerd',
  needsRoot: true,
  async look(patient) {
    const { containerdAddress: address } = patient.config;
    const containerd = new Containerd({ address });
    try {
      const { version } = await containerd.version({ timeoutMs });
      const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
      const isOld = major < (oldest[0] ?? 0) || (major === oldest[0] && minor < (oldest[1] ?? 0));
      if (isOld) return fail(`containerd ${version} is too old: berth needs ${oldest.join('.')} or newer`, update);
      return [pass(`${version} at ${address}`), ...(await atBoot(patient))];
    } catch (error) {
      return await unreachable(patient, error);
    } finally {
      containerd.close();
    }
  },
};

async function atBoot(patient: Patient): Promise<Finding[]> {
  if (!(await hasSystemd(patient))) return [];
  const service = serviceOf(patient.config.containerdAddress);
  const enabled = await tool('systemctl', ['is-enabled', service]);
  if (enabled?.stdout.trim() !== 'disabled') return [];
  return [warn('the next boot does not start it', `sudo systemctl enable ${service}`)];
}

/** The service whose containerd is at an address: Docker and k3s may run one of their own. */
function serviceOf(address: string): string {
  return /^\/run\/(docker|k3s)\//.exec(address)?.[1] ?? 'containerd';
}

async function unreachable(patient: Patient, error: unknown): Promise<Finding> {
  const { containerdAddress: address } = patient.config;
  const isSystemd = await hasSystemd(patient);
  const service = serviceOf(address);
  const isInstalled = service !== 'containerd' || (await tool('containerd', ['--version'])) !== undefined;
  if (await isThere({ root: '/' }, address)) {
    const restart = isSystemd ? `sudo systemctl restart ${service}` : `start ${service} anew`;
    return fail(`does not answer at ${address}: ${describeError(error)}`, `${restart}; journalctl -u ${service} -n 20`);
  }
  if (!isInstalled) return fail(`not installed, and nothing is at ${address}`, update);
  const start = isSystemd
    ? `sudo systemctl enable --now ${service}`
    : "sudo sh -c 'setsid containerd >>/var/log/containerd.log 2>&1 &'";
  return fail(
    `not running: nothing is at ${address}`,
    `${start}; where its socket is elsewhere, set containerd_address in ${patient.envFile}`,
  );
}

export const snapshotterCheck: Check = {
  name: 'snapshotter',
  needsRoot: true,
  async look({ config, envFile, service }) {
    const containerd = new Containerd({ address: config.containerdAddress });
    let refusal = '';
    const log = { ...silentLog, warn: (_: string, fields = {}) => (refusal = Object.values(fields).join()) };
    const storage = new ContainerdStorage({ containerd, wanted: config.snapshotter, log });
    try {
      const name = await storage.look();
      if (name === config.snapshotter) return pass(name);
      const found = `containerd refuses ${config.snapshotter} (${refusal}): with ${name} each replica takes a copy of its image`;
      const restart = `sudo systemctl restart ${serviceOf(config.containerdAddress)}`;
      return warn(found, `sudo modprobe overlay && ${restart}`);
    } catch (error) {
      // Said where containerd itself is looked at.
      if (error instanceof ContainerdError) return warn('not known, as containerd does not answer', 'see containerd');
      return fail(describeError(error), `set snapshotter in ${envFile}, then ${(await service).start}`);
    } finally {
      containerd.close();
    }
  },
};

export const ociRuntimeCheck: Check = {
  name: 'OCI runtime',
  async look(patient) {
    const { ociRuntime } = patient.config;
    const install = `sudo apt-get install ${ociRuntime}`;
    const ran = await tool(ociRuntime, ['--version']);
    if (!ran) return fail(`${ociRuntime} is not installed`, install);
    if (ran.exitCode !== 0) {
      const why = ran.stderr.trim() || `exit code ${ran.exitCode}`;
      return fail(`${ociRuntime} does not run: ${why}`, `sudo apt-get install --reinstall ${ociRuntime}`);
    }
    return [pass(ran.stdout.split('\n')[0] ?? ociRuntime), ...(await shimFindings(patient))];
  },
};

const shim = 'containerd-shim-runc-v2';

/** containerd finds it in its own folder and on its own PATH, which only root may see. */
async function shimFindings({ isRoot }: Patient): Promise<Finding[]> {
  if (!isRoot) return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const folders = (await Promise.all(pids.map(foldersOf))).flat();
  if (folders.length === 0) return [];
  const all = [...folders, ...systemPath.split(delimiter)];
  const found = await Promise.all(all.map((folder) => isThere({ root: '/' }, join(folder, shim))));
  if (found.includes(true)) return [];
  return [fail(`containerd's shim ${shim} is missing`, 'sudo apt-get install --reinstall containerd')];
}

async function foldersOf(pid: string): Promise<string[]> {
  const read = (name: string) => readFile(join('/proc', pid, name), 'utf8').catch(() => '');
  if ((await read('comm')).trim() !== 'containerd') return [];
  const exe = await readlink(join('/proc', pid, 'exe')).catch(() => '');
  const path = (await read('environ')).split('\0').find((variable) => variable.startsWith('PATH='));
  return [dirname(exe), ...(path?.slice('PATH='.length).split(delimiter) ?? [])];
}
