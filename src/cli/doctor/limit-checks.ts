import { fail, pass, readText, warn, type Check, type Finding, type Patient } from './patient.ts';

/** A count of the kernel, and how far it may go. */
interface Bound {
  what: string;
  used: (patient: Patient) => Promise<number>;
  most: (patient: Patient) => Promise<number>;
  setting: string;
}

const numberIn =
  (path: string, field = 0) =>
  async (patient: Patient) =>
    Number((await readText(patient, path))?.trim().split(/\s+/)[field] ?? NaN);

const sysctl = (name: string) => numberIn(`proc/sys/${name.replaceAll('.', '/')}`);

const bounds: Bound[] = [
  {
    what: 'processes and threads',
    used: async (patient) => Number((await readText(patient, 'proc/loadavg'))?.split(/[\s/]/)[4]),
    most: sysctl('kernel.pid_max'),
    setting: 'kernel.pid_max',
  },
  {
    what: 'threads',
    used: async (patient) => Number((await readText(patient, 'proc/loadavg'))?.split(/[\s/]/)[4]),
    most: sysctl('kernel.threads-max'),
    setting: 'kernel.threads-max',
  },
  {
    what: 'neighbours',
    used: async (patient) => ((await readText(patient, 'proc/net/arp')) ?? '').trim().split('\n').length - 1,
    most: sysctl('net.ipv4.neigh.default.gc_thresh3'),
    setting: 'net.ipv4.neigh.default.gc_thresh3',
  },
  {
    what: 'connections',
    used: sysctl('net.netfilter.nf_conntrack_count'),
    most: sysctl('net.netfilter.nf_conntrack_max'),
    setting: 'net.netfilter.nf_conntrack_max',
  },
  {
    what: 'open files',
    used: numberIn('proc/sys/fs/file-nr'),
    most: numberIn('proc/sys/fs/file-nr', 2),
    setting: 'fs.file-max',
  },
];

/** From here on a count is near its end. */
const near = 0.9;

/** What nodes of Kubernetes are given, and from where on it is enough; the kernel's default is 128. */
const inotify = { wanted: 8192, enough: 512 };

export const limitsCheck: Check = {
  name: 'kernel limits',
  async look(patient) {
    const findings = (await Promise.all(bounds.map((bound) => boundFinding(bound, patient)))).flat();
    const instances = await sysctl('fs.inotify.max_user_instances')(patient);
    if (instances < inotify.enough) {
      const found = `${instances} inotify instances for all functions of one user: the tenth that watches files may not start`;
      findings.push(warn(found, keep('fs.inotify.max_user_instances', inotify.wanted)));
    }
    return findings.length > 0 ? findings : pass('inotify, processes, neighbours, connections, open files');
  },
};

async function boundFinding({ what, used, most, setting }: Bound, patient: Patient): Promise<Finding[]> {
  const [count, limit] = await Promise.all([used(patient), most(patient)]);
  if (!(count > limit * near)) return [];
  const found = `${count} ${what} of at most ${limit} (${setting})`;
  return [fail(found, keep(setting, Math.min(limit * 4, 2 ** 22)))];
}

/** Sets it now and for the boots to come. */
function keep(setting: string, value: number): string {
  const line = `${setting}=${value}`;
  return `echo ${line} | sudo tee /etc/sysctl.d/61-berth-${setting}.conf && sudo sysctl -w ${line}`;
}

const leastMebibytes = 64;

export const memoryCheck: Check = {
  name: 'memory',
  async look(patient) {
    const text = (await readText(patient, 'proc/meminfo')) ?? '';
    const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
    const found = `${Math.round(of('MemAvailable'))} MiB of ${Math.round(of('MemTotal'))} MiB are free`;
    if (of('MemAvailable') >= leastMebibytes) return pass(found);
    return warn(`${found}: the kernel may end processes`, 'see what takes it: ps -eo rss,comm --sort=-rss | head');
  },
};
