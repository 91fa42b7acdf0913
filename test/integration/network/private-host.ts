// Run by firewall.test.ts in a network namespace of its own, as what it does to firewalls concerns the whole host.
// Arguments: name, work folder, `mend` or `bear`, then shell commands that make the host's own firewall.
import { execFile, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Network } from '../../../src/backends/containerd/network/index.ts';
import { silentLog } from '../../../src/base/log.ts';
import { connectFrom, sh } from './host.ts';

export interface Observed {
  gateway: string;
  outside: string;
  /** From the host to a function. */
  function: string;
  /** From a function to another one. */
  neighbour: string;
  twice: 'same' | 'different';
  removed: 'clean' | 'dirty';
  warnings: number;
}

const [name = '', dir = '', mend = '', ...setup] = process.argv.slice(2);
const gatewayPort = 8080;
const serverPort = 9000;
const outside = `${name}out`;
const bridge = 'openfaas0';

const shell = (command: string) => sh('sh', '-ec', command);
const rules = async () => (await sh('iptables', '-S')) + (await sh('nft', 'list', 'ruleset'));

await sh('ip', 'link', 'set', 'lo', 'up');
await sh('ip', 'netns', 'add', outside);
await sh('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside);
await sh('ip', 'address', 'add', '192.0.2.1/30', 'dev', 'uplink');
await sh('ip', 'link', 'set', 'uplink', 'up');
await sh('ip', '-n', outside, 'address', 'add', '192.0.2.2/30', 'dev', 'eth0');
await sh('ip', '-n', outside, 'link', 'set', 'eth0', 'up');
for (const command of setup) await shell(command);
const before = await sh('iptables', '-S');

const conflistPath = join(dir, 'net.conflist');
const ipam = { type: 'host-local', ranges: [[{ subnet: '10.62.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] };
const plugins = [{ type: 'bridge', bridge, isGateway: true, ipMasq: false, ipam }];
await writeFile(conflistPath, JSON.stringify({ cniVersion: '0.4.0', name: 'openfaas', plugins }));
const advice: string[] = [];
const log = {
  ...silentLog,
  warn: (_: string, fields?: Record<string, unknown>) => advice.push(String(fields?.['run'])),
};
const network = await Network.open({ conflistPath, runDir: join(dir, 'run'), gatewayPort, name, log });
const gateway = createServer((socket) => socket.end()).listen(gatewayPort);
const servers: ChildProcess[] = [];

try {
  await serve(`/run/netns/${outside}`);
  await network.ensureHost();
  const once = await rules();
  const warnings = advice.length;
  await network.ensureHost();
  const twice = (await rules()) === once ? 'same' : 'different';
  if (mend === 'mend') for (const command of advice.slice(0, warnings)) await shell(command);
  const { netnsPath } = await network.attach('a');
  const neighbour = await network.attach('b');
  await serve(neighbour.netnsPath);
  const observed: Observed = {
    gateway: await connectFrom(netnsPath, network.gateway, gatewayPort),
    outside: await connectFrom(netnsPath, '192.0.2.2', serverPort),
    function: await connectFrom('/proc/self/ns/net', neighbour.ip, serverPort),
    neighbour: await connectFrom(netnsPath, neighbour.ip, serverPort),
    twice,
    warnings,
    removed: await removed(),
  };
  console.log(JSON.stringify(observed));
} finally {
  for (const server of servers) server.kill('SIGKILL');
  gateway.close();
  await removed();
  await sh('ip', 'netns', 'delete', outside);
}

async function serve(netns: string): Promise<void> {
  const script = `require('net').createServer((c) => c.end()).listen(${serverPort}, '0.0.0.0', () => console.log('up'))`;
  const server = execFile('nsenter', [`--net=${netns}`, process.execPath, '-e', script]);
  servers.push(server);
  await new Promise((resolve) => server.stdout?.once('data', resolve));
}

async function removed(): Promise<Observed['removed']> {
  for (const id of await network.attachments()) await network.detach(id);
  await network.removeHost();
  const links = await sh('ip', 'link');
  return (await sh('iptables', '-S')) === before && !links.includes(bridge) ? 'clean' : 'dirty';
}
