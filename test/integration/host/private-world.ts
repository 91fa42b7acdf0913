// Run by matrix.test.ts in a network namespace of its own, as what it does to firewalls concerns the whole host.
// Arguments: name, work folder, `mend` or `bear`, then shell commands that make the host's own firewall.
import { execFile, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Network } from '../../../src/backends/containerd/network/index.ts';
import { silentLog } from '../../../src/base/log.ts';
import { parseNetworkTargets } from '../../../src/provider/index.ts';
import { sh } from '../network/host.ts';

/** What a function's connection comes to. */
export interface Reached {
  outside: string;
  gateway: string;
  dns: string;
  otherFunction: string;
  hostPort: string;
  dockerContainer: string;
  metadata: string;
  /** The same of a function that is allowed other functions, a port of the host's loopback, Docker's network and metadata. */
  allowed: string;
  /** What it is not allowed: other ports of the host. */
  notAllowed: string;
}

export interface Observed {
  /** Each after what its name says, once it is as before, or after a while as it is then. */
  before: Reached;
  afterForwardFlush: Reached;
  afterFlush: Reached;
  afterReload: Reached;
  afterBridgeRemoval: Reached;
  afterRestart: Reached;
  /** What the self-test says: which goals it missed before the commands were given, and what it reached in the end. */
  missed: string[];
  tried: string;
  /** Commands that warnings named until then. */
  warnedAtStart: number;
  warnedAfterReload: number;
  /** What the log says to have put right. */
  mended: number;
  /** Of a function's interface, where the uplink takes 1400. */
  mtu: number;
  docker: { toOutside: string; fromOutside: string };
  isClean: boolean;
}

const [name = '', dir = '', mend = '', ...setup] = process.argv.slice(2);
const gatewayPort = 8080;
const serverPort = 9000;
const outside = `${name}out`;
const container = `${name}doc`;
const bridge = 'openfaas0';
/** Five seconds are promised; several such worlds at once on a small machine take longer. */
const patienceMs = 40_000;
/** Of most clouds, Azure, Alibaba Cloud and Oracle's classic cloud. */
const metadata = ['169.254.169.254', '168.63.129.16', '100.100.100.200', '192.0.0.192'];
const databasePort = 5432;
const allow = `functions, host:${databasePort}, 172.17.0.0/16, 169.254.169.254:${serverPort}`;
const servers: (ChildProcess | Server)[] = [];
const advice = new Set<string>();
let tried = '';
let mended = 0;
const log = {
  ...silentLog,
  warn: (message: string, fields: Record<string, unknown> = {}) => {
    if ('run' in fields) advice.add(String(fields['run']));
    if (message.includes('right')) mended += 1;
  },
  info: (_: string, fields: Record<string, unknown> = {}) => {
    if ('tried' in fields) tried = String(fields['tried']);
  },
};

const shell = (command: string) => sh('sh', '-ec', command);

await makeWorld();
await reload();
const conflistPath = join(dir, 'net.conflist');
const ipam = { type: 'host-local', ranges: [[{ subnet: '10.62.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] };
const plugins = [{ type: 'bridge', bridge, isGateway: true, ipMasq: false, ipam }];
await writeFile(conflistPath, JSON.stringify({ cniVersion: '0.4.0', name: 'openfaas', plugins }));

const resolvConf = join(dir, 'resolv.conf');
await writeFile(resolvConf, 'nameserver 192.0.2.2\n');

let stopping = new AbortController();
let network = await start();
try {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((id) => network.attach(id)));
  if (!a || !b || !c) throw new Error('not attached');
  await network.allow(c, parseNetworkTargets(allow));
  await serveIn(b.netnsPath);
  const reach = async (): Promise<Reached> => ({
    ...(await reachedFrom(a.netnsPath, network.gateway, b.ip)),
    ...(await reachedAsAllowed(c.netnsPath, network.gateway, b.ip)),
  });
  await network.ensureHost();
  const warnedAtStart = advice.size;
  const missed = await missedBySelfTest(warnedAtStart > 0 ? 3 : 0);
  await followAdvice();
  const before = await reach();
  await shell('for each in iptables iptables-legacy; do $each -F FORWARD || true; done');
  const afterForwardFlush = await settled(before, reach);
  await shell('nft flush ruleset');
  const afterFlush = await settled(before, reach);
  advice.clear();
  await shell('nft flush ruleset');
  await reload();
  await polled(() => advice.size === warnedAtStart);
  const warnedAfterReload = advice.size;
  await followAdvice();
  const afterReload = await settled(before, reach);
  await sh('ip', 'link', 'delete', bridge);
  const afterBridgeRemoval = await settled(before, reach);
  stopping.abort();
  await shell(`ip link set ${bridge} down || true`);
  network = await start();
  const afterRestart = await settled(before, reach);
  await polled(() => tried.includes('router'));
  const [link] = JSON.parse(await sh('ip', '-json', '-n', `${name}-a`, 'link', 'show', 'eth0')) as { mtu: number }[];
  const mtu = link?.mtu ?? 0;
  const docker = {
    toOutside: await connect(`/run/netns/${container}`, '192.0.2.2'),
    fromOutside: await connect(`/run/netns/${outside}`, '172.17.0.2'),
  };
  const observed: Observed = {
    before,
    afterForwardFlush,
    afterFlush,
    afterReload,
    afterBridgeRemoval,
    afterRestart,
    missed,
    tried,
    warnedAtStart,
    warnedAfterReload,
    mended,
    mtu,
    docker,
    isClean: await isClean(),
  };
  console.log(JSON.stringify(observed));
} finally {
  stopping.abort();
  for (const server of servers) if ('kill' in server) server.kill('SIGKILL');
  for (const server of servers) if ('close' in server) server.close();
  await sh('ip', 'netns', 'delete', outside);
  await sh('ip', 'netns', 'delete', container);
}

/** The internet with a cloud's metadata service, and a private network as Docker makes them. */
async function makeWorld(): Promise<void> {
  await sh('ip', 'link', 'set', 'lo', 'up');
  // A new namespace may have it from the machine that the tests run on.
  await writeFile('/proc/sys/net/ipv4/ip_forward', '0');
  await addNetns(outside, 'uplink', ['192.0.2.2/30', ...metadata.map((ip) => `${ip}/32`)], '192.0.2.1');
  await shell(
    'ip address add 192.0.2.1/30 dev uplink; ip link set uplink mtu 1400 up; ip route add default via 192.0.2.2',
  );
  await sh('ip', 'link', 'add', 'docker0', 'type', 'bridge');
  await addNetns(container, 'dockerport', ['172.17.0.2/16'], '172.17.0.1');
  await shell(
    'ip link set dockerport master docker0 up; ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up',
  );
  await sh('ip', '-n', container, 'route', 'add', 'default', 'via', '172.17.0.1');
  for (const port of [gatewayPort, serverPort, 53]) servers.push(createServer((socket) => socket.end()).listen(port));
  servers.push(createServer((socket) => socket.end()).listen(databasePort, '127.0.0.1'));
  await serveIn(`/run/netns/${outside}`);
  await serveIn(`/run/netns/${container}`);
}

async function addNetns(netns: string, port: string, addresses: string[], router: string): Promise<void> {
  await sh('ip', 'netns', 'add', netns);
  await sh('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', netns);
  for (const address of addresses) await sh('ip', '-n', netns, 'address', 'add', address, 'dev', 'eth0');
  await sh('ip', '-n', netns, 'link', 'set', 'eth0', 'up');
  if (router === '192.0.2.1') await sh('ip', '-n', netns, 'route', 'add', '172.17.0.0/16', 'via', router);
}

async function reload(): Promise<void> {
  for (const command of setup) await shell(command);
  // Docker's own masquerading.
  await shell(`nft 'add table ip dockernat; add chain ip dockernat post { type nat hook postrouting priority 100; };
    add rule ip dockernat post ip saddr 172.17.0.0/16 masquerade'`);
}

async function start(): Promise<Network> {
  stopping = new AbortController();
  const opened = await Network.open({
    conflistPath,
    runDir: join(dir, 'run'),
    gatewayPort,
    name,
    resolvConfPaths: [resolvConf],
    log,
  });
  void opened.keeper.run(stopping.signal);
  return opened;
}

async function followAdvice(): Promise<void> {
  if (mend === 'mend') for (const command of advice) await shell(command);
}

async function serveIn(netns: string): Promise<void> {
  const script = `
    const dns = require('dgram').createSocket('udp4', (question, { port, address }) => dns.send(question, port, address));
    dns.bind(53);
    require('net').createServer((c) => c.end()).listen(${serverPort}, '0.0.0.0', () => console.log('up'));`;
  const server = execFile('nsenter', [`--net=${netns}`, process.execPath, '-e', script]);
  servers.push(server);
  await new Promise((resolve) => server.stdout?.once('data', resolve));
}

/** Of several that are allowed one that is closed counts. */
async function reachedAsAllowed(netns: string, gateway: string, neighbour: string) {
  const allowed = await Promise.all([
    connect(netns, neighbour),
    connect(netns, gateway, databasePort),
    connect(netns, '169.254.169.254'),
    // The other firewalls, or Docker's own, may stop what leaves towards containers.
    connect(netns, '172.17.0.2'),
  ]);
  const closed = ['functions', 'host', 'metadata', 'docker'].filter((_, index) => allowed[index] === 'closed');
  return { allowed: closed.join() || 'open', notAllowed: await connect(netns, gateway, serverPort) };
}

type ReachedByAll = Omit<Reached, 'allowed' | 'notAllowed'>;

async function reachedFrom(netns: string, gateway: string, neighbour: string): Promise<ReachedByAll> {
  const targets = [
    ['outside', '192.0.2.2', serverPort],
    ['gateway', gateway, gatewayPort],
    ['dns', gateway, 53],
    ['otherFunction', neighbour, serverPort],
    ['hostPort', gateway, serverPort],
    ['hostPort', gateway, databasePort],
    ['dockerContainer', '172.17.0.2', serverPort],
    ...metadata.map((ip) => ['metadata', ip, serverPort] as const),
  ] as const;
  const outcomes = targets.map(async ([target, ip, port]) => [target, await connect(netns, ip, port)] as const);
  // Of several addresses one that is open counts.
  const found = (await Promise.all(outcomes)).toSorted(([, one], [, other]) => one.localeCompare(other));
  return Object.fromEntries(found) as unknown as ReachedByAll;
}

async function connect(netns: string, ip: string, port = serverPort): Promise<'open' | 'closed'> {
  // What waits this long is dropped: seven such worlds share a processor, which keeps a program that is let through waiting too.
  const command = ['timeout', '4', 'bash', '-c', `exec 3<>/dev/tcp/${ip}/${port}`];
  return sh('nsenter', `--net=${netns}`, ...command).then(
    () => 'open' as const,
    () => 'closed' as const,
  );
}

async function settled(wanted: Reached, reach: () => Promise<Reached>): Promise<Reached> {
  let reached = await reach();
  for (const deadlineMs = performance.now() + patienceMs; performance.now() < deadlineMs; reached = await reach()) {
    if (isDeepStrictEqual(reached, wanted)) break;
  }
  return reached;
}

/** Parts of which this many are to be not well. */
async function missedBySelfTest(count: number): Promise<string[]> {
  const missed = () =>
    network.keeper.parts.filter((part) => part.name.startsWith('reach_') && !part.healthy).map((part) => part.name);
  await polled(() => missed().length === count);
  return missed();
}

async function polled(isSo: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + patienceMs; performance.now() < deadlineMs && !isSo();) await sleep(50);
}

async function isClean(): Promise<boolean> {
  stopping.abort();
  for (const id of await network.attachments()) await network.detach(id);
  await network.removeHost();
  const rules =
    (await sh('iptables', '-S')) + (await sh('iptables-legacy', '-S')) + (await sh('nft', 'list', 'ruleset'));
  return !rules.includes(name) && !rules.includes(`-i ${bridge}`) && !(await sh('ip', 'link')).includes(bridge);
}
