import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { fail, pass, tool, warn, type Check, type Finding, type Patient } from './patient.ts';

/** A process that listens. */
interface Holder {
  address: string;
  name: string;
  pid: string;
  /** Of systemd, that it belongs to. */
  unit?: string;
}

/** Its first process only minds the one that listens. */
const ownUnit = 'berth.service';

export const portCheck: Check = {
  name: 'port',
  async look(patient) {
    const { bind = '0.0.0.0', tcpPort, metricsPort, uiPort, mode } = patient.config;
    if (!isOwn(bind))
      return fail(`no interface of this host has the address ${bind}`, `set bind=0.0.0.0 in ${patient.envFile}`);
    const { pid: ownPid, start } = await patient.service;
    const serves = !((await patient.daemon) instanceof Error);
    const holders = (await listeners(tcpPort)).filter(({ address }) => clashes(address, bind));
    // With a socket of systemd's both hold it.
    const ours = serves ? holders.map(({ pid }) => pid) : ownPid === undefined ? [] : [ownPid];
    const isForeign = ({ pid, unit }: Holder) => !ours.includes(pid) && unit !== ownUnit;
    const others = serves ? [] : holders.filter((holder) => isForeign(holder) && holder.name !== 'systemd');
    const metrics = (await listeners(metricsPort)).filter(({ address }) => clashes(address, '127.0.0.1'));
    const page = (await listeners(mode === 'provider' ? 0 : uiPort)).filter(({ address }) => clashes(address, bind));
    const findings = [
      ...(await Promise.all(others.map((holder) => taken(tcpPort, 'port', holder, patient)))),
      ...(await Promise.all(
        metrics.filter(isForeign).map((holder) => taken(metricsPort, 'metrics_port', holder, patient)),
      )),
      ...(await Promise.all(page.filter(isForeign).map((holder) => taken(uiPort, 'ui_port', holder, patient)))),
    ];
    if (findings.length > 0) return findings;
    if (serves) return pass(`berth serves on ${tcpPort}`);
    if (holders.length > 0) return warn(`berth holds ${tcpPort} but does not answer`, start);
    return pass(`${tcpPort} is free`);
  },
};

function isOwn(bind: string): boolean {
  if (['0.0.0.0', '::', 'localhost'].includes(bind)) return true;
  return Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === bind));
}

const wildcards = ['0.0.0.0', '*', '[::]', '::'];

function clashes(address: string, bind: string): boolean {
  return wildcards.includes(address) || wildcards.includes(bind) || address === bind;
}

async function listeners(port: number): Promise<Holder[]> {
  if (port === 0) return [];
  const shown = await tool('ss', ['-Hltnp', `sport = :${port}`]);
  const holders = (shown?.stdout ?? '').split('\n').flatMap((line): Holder[] => {
    const local = line.split(/\s+/)[3] ?? '';
    if (local === '') return [];
    const address = local.slice(0, local.lastIndexOf(':'));
    const processes = [...line.matchAll(/\("([^"]*)",pid=(\d+)/g)];
    if (processes.length === 0) return [{ address, name: 'a process of another user', pid: '' }];
    return processes.map(([, name = '', pid = '']) => ({ address, name, pid }));
  });
  return Promise.all(holders.map(async (holder) => ({ ...holder, unit: await unitOf(holder) })));
}

async function unitOf({ pid }: Holder): Promise<string | undefined> {
  const cgroup = pid === '' ? '' : await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
  return /\/([^/\s]+\.service)$/m.exec(cgroup)?.[1];
}

async function taken(
  port: number,
  setting: string,
  { name, pid, unit }: Holder,
  { envFile, isRoot, service }: Patient,
): Promise<Finding> {
  if (pid === '' && !isRoot) return warn(`who has ${port} is not seen, as that needs root`, 'sudo berth doctor');
  const stop = unit
    ? `sudo systemctl disable --now ${unit}`
    : pid === ''
      ? `sudo ss -ltnp 'sport = :${port}'`
      : `sudo kill ${pid}`;
  const found = `${port} is taken by ${name}${pid === '' ? '' : ` (process ${pid}${unit ? ` of ${unit}` : ''})`}`;
  return fail(found, `${stop}; or set ${setting}= to another in ${envFile}; then ${(await service).start}`);
}
