import { inspectNetwork, tryFromFunction, type NetworkInspection } from '../../backends/containerd/index.ts';
import { silentLog } from '../../base/log.ts';
import { networkOptions } from '../../daemon/index.ts';
import { fail, pass, warn, type Check, type Finding } from './patient.ts';

export const networkCheck: Check = {
  name: 'network',
  needsRoot: true,
  async look(patient) {
    const inspected = await inspectNetwork(networkOptions(patient.config, silentLog));
    const { start } = await patient.service;
    const findings = [
      ...subnetFindings(inspected, patient.envFile, start),
      ...bridgeFindings(inspected, start),
      ...ruleFindings(inspected, start),
      ...inspected.stopped.map(({ message, fields = {} }) =>
        fail(`${message} (${String(fields['chain'])})`, `sudo sh -c '${String(fields['run'])}'`),
      ),
    ];
    if (findings.length > 0) return findings;
    return pass(`${inspected.cidr} on ${inspected.bridge}, and no firewall of this host stops it`);
  },
};

function subnetFindings({ cidr, clashes, freeSubnet }: NetworkInspection, envFile: string, restart: string): Finding[] {
  if (clashes.length === 0) return [];
  const found = `addresses of functions are taken by ${clashes.join(', ')}: ${cidr}`;
  return [fail(found, `echo subnet=${freeSubnet} | sudo tee -a ${envFile} && ${restart}`)];
}

function bridgeFindings({ bridge, bridgeState, forwards }: NetworkInspection, restart: string): Finding[] {
  // Before berth's first start there is none, and it makes it; what it finds then it puts right.
  if (bridgeState === 'absent') return [];
  if (bridgeState === 'no bridge') {
    const mend = `sudo ip link set ${bridge} down && sudo ip link set ${bridge} name was-${bridge} && ${restart}`;
    return [fail(`the interface ${bridge} of this host is no bridge`, mend)];
  }
  const findings: Finding[] = [];
  if (bridgeState !== 'up') findings.push(fail(`the bridge ${bridge} is ${bridgeState}`, restart));
  if (!forwards) {
    findings.push(
      fail('the host forwards nothing, functions reach nothing outside', 'sudo sysctl -w net.ipv4.ip_forward=1'),
    );
  }
  return findings;
}

function ruleFindings({ rulesProblem, hasTable, bridgeState }: NetworkInspection, restart: string): Finding[] {
  if (rulesProblem !== undefined) {
    const modules = 'nf_tables nft_ct nft_nat nft_masq nft_reject nft_reject_inet nft_socket';
    return [fail(`the kernel takes no rules of berth's: ${rulesProblem}`, `sudo modprobe -a ${modules}; ${restart}`)];
  }
  if (hasTable || bridgeState === 'absent') return [];
  return [fail("the rules that keep functions apart are gone: nft's table inet berth", restart)];
}

export const reachCheck: Check = {
  name: 'from a function',
  needsRoot: true,
  async look(patient) {
    const options = networkOptions(patient.config, silentLog);
    const { start: restart } = await patient.service;
    const { bridgeState, hasTable } = await inspectNetwork(options);
    if (bridgeState !== 'up' || !hasTable) return warn('not tried, as the network of functions is not there', restart);
    const trials = await tryFromFunction(options, patient.signal);
    const isDown = (await patient.daemon) instanceof Error;
    return trials.flatMap(({ what, outcome, problem }): Finding[] => {
      if (outcome === 'reached') return [pass(`${what} is reached`)];
      const { message, part, fields = {} } = problem;
      const commands = typeof fields['run'] === 'string' ? `sudo sh -c '${fields['run']}'` : undefined;
      if (outcome === 'missed') return [fail(message, commands ?? `${restart}; journalctl -u berth -p warning -n 20`)];
      // Said where the port is looked at.
      if (part === 'reach_gateway') return isDown ? [] : [warn(`${what} is not reached by this host`, restart)];
      if (part === 'reach_dns') {
        const mend = `mend /etc/resolv.conf, or echo dns_servers=ADDRESS | sudo tee -a ${patient.envFile} && ${restart}`;
        return [warn(`${what} answers neither functions nor this host`, mend)];
      }
      return [warn(`${what} is reached by neither functions nor this host`, 'ip route')];
    });
  },
};
