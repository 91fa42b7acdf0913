/**
 * A Debian of its own with systemd as process 1, in the namespaces that test/run makes, where berth is installed as on a
 * user's host. Its only network is a cable to the test, at the other end of which the test is another machine.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, open, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { absentAs } from '../../src/base/absent-file.ts';
import { cacheFolder } from './cache.ts';
import { until } from './poll.ts';
import { run, tail } from './processes.ts';
import type { TestRegistry } from './registry.ts';

export interface HostResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** What there is to know of a host that runs, so that another process finds it. */
interface Machine {
  name: string;
  /** Folder of its root, its console's log and nothing else. */
  folder: string;
  /** The test's end of the cable is `<network>.1`, the host's `<network>.2`. */
  network: string;
  /** Of systemd-nspawn. */
  pid: number;
  /** What the installer printed on the host that is shared. */
  installed?: string;
}

const suite = process.env['BERTH_TEST_SUITE'] ?? 'trixie';
const distribution = process.env['BERTH_TEST_DISTRIBUTION'];
const bootMs = 120_000;
const environment = ['HOME=/root', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8'];

/** What those of Debian's family say in os-release; the rest of the host is Debian's. */
const osReleases: Record<string, string> = {
  ubuntu: `PRETTY_NAME="Ubuntu 24.04 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
`,
  raspbian: `PRETTY_NAME="Raspbian GNU/Linux 12 (bookworm)"
NAME="Raspbian GNU/Linux"
VERSION_ID="12"
VERSION_CODENAME=bookworm
ID=raspbian
ID_LIKE=debian
`,
};

/** Boots a clean host. Needs root, and test/helpers/host-root.sh to have made what it is a copy of. */
export async function freshHost(): Promise<FreshHost> {
  const folder = await mkdtemp(join(tmpdir(), 'host-'));
  const number = await freeNumber();
  // The copy of a link would be the original itself.
  const original = await realpath(join(cacheFolder, 'host', suite));
  await run('cp', ['--archive', '--reflink=auto', original, join(folder, 'root')]);
  if (distribution) await writeFile(join(folder, 'root/usr/lib/os-release'), osReleaseOf(distribution));
  const machine = { name: `host${number}`, folder, network: `192.168.${number}`, pid: 0 };
  const host = new FreshHost(machine);
  try {
    await host.boot();
  } catch (error) {
    await host.stop();
    throw error;
  }
  return host;
}

function osReleaseOf(name: string): string {
  const text = osReleases[name];
  if (text === undefined)
    throw new Error(`BERTH_TEST_DISTRIBUTION=${name} is none of ${Object.keys(osReleases).join(', ')}`);
  return text;
}

/**
 * The host with berth installed that the files of test/host share: the first that asks boots it, and test/run ends it. Who
 * uses it leaves it as it was.
 */
export async function sharedHost(): Promise<FreshHost> {
  const file = join(tmpdir(), 'shared-host.json');
  const machine = await readFile(file, 'utf8').then((text) => JSON.parse(text) as Machine, absentAs(undefined));
  if (machine && !(await hasEnded(machine.pid))) return new FreshHost(machine);
  const host = await freshHost();
  try {
    await host.bringBundle();
    const [install = ''] = await readmeCommands();
    const installed = await host.run(`cd /root/berth; ${install}`);
    await writeFile(file, JSON.stringify({ ...host.machine, installed }));
    return sharedHost();
  } catch (error) {
    await host.stop();
    throw error;
  }
}

/** The two commands of the README that make a host of a checkout, and log faas-cli in. */
export async function readmeCommands(): Promise<string[]> {
  const readme = await readFile(join(import.meta.dirname, '../../README.md'), 'utf8');
  const chapters = readme.split(/^## /m).filter((text) => /^(?:Install|Deploy and call a function)$/m.test(text));
  return chapters.map((text) => /^```sh\n(.+)$/m.exec(text)?.[1] ?? '');
}

/** Installs berth on a host that the bundle was brought to. */
export const installCommand = 'sh /root/berth/install.sh';

export class FreshHost implements AsyncDisposable {
  readonly #machine: Machine;

  /** By which another process finds it. */
  get machine(): Readonly<Machine> {
    return this.#machine;
  }

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Where the test reaches it. */
  get address(): string {
    return `${this.#machine.network}.2`;
  }

  /** Where it reaches the test. */
  get testAddress(): string {
    return `${this.#machine.network}.1`;
  }

  /** Its `/`, as the test's own path. */
  get root(): string {
    return join(this.#machine.folder, 'root');
  }

  /** Runs a shell script inside as root and answers what it prints; rejects with what it printed when it fails. */
  async run(script: string): Promise<string> {
    const result = await this.attempt(script);
    if (result.code === 0) return result.stdout;
    throw new Error(`exit code ${result.code} of:\n${script}\n${result.stdout}${result.stderr}`);
  }

  /** Runs a shell script inside as root, however it ends. */
  async attempt(script: string): Promise<HostResult> {
    const enter = ['--target', String(await this.#init()), '--all', 'env', '-i', ...environment, 'sh', '-eus'];
    const child = spawn('nsenter', enter);
    // It may end without reading.
    child.stdin.on('error', () => {});
    child.stdin.end(script);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    return { code: child.exitCode, stdout, stderr };
  }

  /** Copies a file or folder into it. */
  async copyIn(from: string, to: string): Promise<void> {
    await cp(from, join(this.root, to), { recursive: true, verbatimSymlinks: true });
  }

  /** Unpacks the bundle of this checkout in `/root`, as a user does. */
  async bringBundle(): Promise<void> {
    await this.copyIn(join(cacheFolder, `host/bundle-${suite}`), '/root/berth');
  }

  /** Where the API and functions are served, as the test reaches them. */
  get url(): string {
    return `http://${this.address}:8080`;
  }

  /** The password that the installer made. */
  password(): Promise<string> {
    return this.run('cat /etc/berth/auth/basic-auth-password');
  }

  /** Lets it pull from a registry that listens on `testAddress`, over HTTP. */
  async trusts({ host, url }: Pick<TestRegistry, 'host' | 'url'>): Promise<void> {
    await this.run(`
      mkdir -p /etc/containerd/certs.d/${host}
      echo 'server = "${url}"' >/etc/containerd/certs.d/${host}/hosts.toml`);
  }

  /** Powers it off, and on again: what was in memory is lost, its disk stays. */
  async reboot(): Promise<void> {
    const { pid } = this.#machine;
    await this.attempt('systemctl poweroff');
    await until(() => hasEnded(pid), { timeoutMs: bootMs, message: 'the host to power off' });
    await this.boot();
  }

  /** Switches it on. */
  async boot(): Promise<void> {
    const { name, folder, network } = this.#machine;
    const console = join(folder, 'console');
    const output = await open(console, 'a');
    const child = spawn('bash', ['-c', inCgroupOfItsOwn, basename(tmpdir()), ...nspawn(name, this.root)], {
      detached: true,
      stdio: ['ignore', output.fd, output.fd],
    });
    child.unref();
    await output.close();
    this.#machine.pid = child.pid ?? 0;
    await until(async () => (await this.attempt('systemctl is-active multi-user.target')).code === 0, {
      timeoutMs: bootMs,
      intervalMs: 100,
      message: 'multi-user.target',
    }).catch(async (cause: unknown) => {
      throw new Error(`the host did not boot:\n${await tail(console)}`, { cause });
    });
    const cable = `ve-${name}`;
    await run('ip', ['address', 'replace', `${network}.1/24`, 'dev', cable]);
    await run('ip', ['link', 'set', cable, 'up']);
    await this.run(afterBoot(network));
  }

  /** Ends it at once and deletes it. */
  async stop(): Promise<void> {
    const { pid, folder } = this.#machine;
    const init = await this.#init().catch(() => undefined);
    for (const each of [init, pid]) if (each) killed(each);
    await until(() => hasEnded(pid), { message: 'the end of the host' });
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Process 1 of it, as the test counts them. */
  async #init(): Promise<number> {
    const { pid } = this.#machine;
    const [init] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ');
    if (!init) throw new Error('the host is off');
    return Number(init);
  }
}

function nspawn(name: string, root: string): string[] {
  return [
    ...['systemd-nspawn', '--quiet', '--boot', '--register=no', '--keep-unit', '--network-veth', '--capability=all'],
    '--system-call-filter=@keyring bpf perf_event_open',
    ...[`--directory=${root}`, `--machine=${name}`, `--hostname=${name}`],
  ];
}

/** $0 names the cgroups: what the host makes is below them, and test/run removes them at its end. */
const inCgroupOfItsOwn = `
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then set -- /sys/fs/cgroup -- "$@"; else set -- /sys/fs/cgroup/*/ -- "$@"; fi
  while [ "$1" != -- ]; do
    mkdir -p "$1/$0"
    for file in cpuset.cpus cpuset.mems; do [ ! -s "$1/$file" ] || cat "$1/$file" >"$1/$0/$file"; done
    echo $$ >"$1/$0/cgroup.procs"
    shift
  done
  shift
  exec "$@"`;

/** Of the old cgroups, systemd-nspawn leaves the controllers read-only; runc must write them. */
function afterBoot(network: string): string {
  return `
    for controller in $(awk '$5 ~ "^/sys/fs/cgroup/" && $6 ~ /^ro/ { print $5 }' /proc/self/mountinfo); do
      mount -o remount,bind,rw "$controller"
    done
    ip address replace ${network}.2/24 dev host0
    ip link set host0 up
    ip route replace default via ${network}.1`;
}

async function freeNumber(): Promise<number> {
  const { stdout } = await run('ip', ['-oneline', 'link']);
  let number = 100;
  while (stdout.includes(`ve-host${number}@`)) number++;
  return number;
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function hasEnded(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ');
  return stat.includes(' Z ');
}
