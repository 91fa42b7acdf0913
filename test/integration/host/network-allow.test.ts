import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { parseNetworkTargets } from '../../../src/provider/index.ts';
import { until } from '../../helpers/poll.ts';
import { connectFrom, listen, listenIn, sh, testHost } from '../network/host.ts';

let subnets = 0;

async function allowing(t: ExecutionContext) {
  const host = await testHost(t, { subnet: `10.21${subnets++}.0.0/24`, gatewayPort: await listen(t) });
  const { network } = host;
  await network.ensureHost();
  const [a, b] = await Promise.all([network.attach('a'), network.attach('b')]);
  return { ...host, a, b };
}

/** A server on one address of this host that tells each caller the address it came from. */
async function listenOn(t: ExecutionContext, address: string): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(String(socket.remoteAddress)));
  server.listen(0, address);
  await once(server, 'listening');
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

function seenAs(netnsPath: string, ip: string, port: number): Promise<string> {
  return sh('nsenter', `--net=${netnsPath}`, 'timeout', '5', 'bash', '-c', `exec 3<>/dev/tcp/${ip}/${port}; cat <&3`);
}

test.serial('a port of the host is reached by whom it is allowed, wherever its server listens', async (t) => {
  const { network, a, b } = await allowing(t);
  const { gateway } = network;
  const ports = {
    loopback: await listenOn(t, '127.0.0.1'),
    bridge: await listenOn(t, gateway),
    all: await listenOn(t, '0.0.0.0'),
  };
  const other = await listenOn(t, '0.0.0.0');
  for (const port of Object.values(ports)) t.is(await connectFrom(a.netnsPath, gateway, port), 'refused');
  const list = Object.values(ports).map((port) => `host:${port}`);
  await network.allow(a, parseNetworkTargets(list.join()));
  // As its administrator has told it to trust callers of this host.
  t.is(await seenAs(a.netnsPath, gateway, ports.loopback), '127.0.0.1');
  t.is(await seenAs(a.netnsPath, gateway, ports.bridge), a.ip);
  t.is(await seenAs(a.netnsPath, gateway, ports.all), a.ip);
  t.is(await connectFrom(a.netnsPath, gateway, other), 'refused');
  for (const port of Object.values(ports)) t.is(await connectFrom(b.netnsPath, gateway, port), 'refused');
  await network.allow(a, []);
  for (const port of Object.values(ports)) t.is(await connectFrom(a.netnsPath, gateway, port), 'refused');
});

test.serial("no packet for the host's loopback itself is taken from a function", async (t) => {
  const { network, a, bridge } = await allowing(t);
  const server = createSocket('udp4').bind(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const said: string[] = [];
  server.on('message', (message) => said.push(message.toString().trim()));
  const { port } = server.address();
  await network.allow(a, parseNetworkTargets(`host:${port}`));
  const inside = (...command: string[]) => sh('nsenter', `--net=${a.netnsPath}`, ...command);
  const send = (text: string, ip: string) => inside('bash', '-c', `echo ${text} >/dev/udp/${ip}/${port}`);
  // As one that may set routes would send it.
  await inside('ip', 'address', 'delete', '127.0.0.1/8', 'dev', 'lo');
  await inside('sysctl', '-qw', 'net.ipv4.conf.eth0.route_localnet=1');
  await inside('ip', 'route', 'replace', '127.0.0.0/8', 'via', network.gateway);
  t.is((await sh('sysctl', '-n', `net.ipv4.conf.${bridge}.route_localnet`)).trim(), '1');
  await send('loopback', '127.0.0.1');
  await send('gateway', network.gateway);
  await until(() => said.includes('gateway'));
  t.deepEqual(said, ['gateway']);
  await network.allow(a, []);
  t.is((await sh('sysctl', '-n', `net.ipv4.conf.${bridge}.route_localnet`)).trim(), '0');
});

test.serial('other functions are reached by whom that is allowed, and do not reach it', async (t) => {
  const { network, a, b } = await allowing(t);
  const ofB = await listenIn(t, b.netnsPath);
  const ofA = await listenIn(t, a.netnsPath);
  await network.allow(a, parseNetworkTargets('functions'));
  t.is(await seenAs(a.netnsPath, b.ip, ofB), a.ip);
  t.not(await connectFrom(b.netnsPath, a.ip, ofA), 'open');
  const hostPort = await listen(t);
  t.is(await connectFrom(a.netnsPath, network.gateway, hostPort), 'refused');
  // By address alone, and by its port.
  await network.allow(a, []);
  await network.allow(b, parseNetworkTargets(`${a.ip}:${ofA}`));
  t.is(await connectFrom(b.netnsPath, a.ip, ofA), 'open');
  t.not(await connectFrom(b.netnsPath, a.ip, await listenIn(t, a.netnsPath)), 'open');
  t.not(await connectFrom(a.netnsPath, b.ip, ofB), 'open');
});

test.serial('a network opens the addresses in it, those of the host included, by port or by all', async (t) => {
  const { network, name, a, b } = await allowing(t);
  await sh('ip', 'link', 'add', `d${name}`, 'type', 'veth', 'peer', 'name', `e${name}`);
  t.teardown(() => sh('ip', 'link', 'delete', `d${name}`));
  await sh('ip', 'address', 'add', '192.0.2.77/32', 'dev', `d${name}`);
  const [port, other] = [await listen(t), await listen(t)];
  await network.allow(a, parseNetworkTargets(`192.0.2.0/24:${port}, 192.0.2.64/26:9`));
  await network.allow(b, parseNetworkTargets('192.0.2.0/24'));
  t.is(await connectFrom(a.netnsPath, '192.0.2.77', port), 'open');
  t.is(await connectFrom(a.netnsPath, '192.0.2.77', other), 'refused');
  t.is(await connectFrom(b.netnsPath, '192.0.2.77', other), 'open');
  t.is(await connectFrom(b.netnsPath, network.gateway, other), 'refused');
});

test.serial(
  'what is allowed outlives a restart and a flush, and goes with the replica before its address',
  async (t) => {
    const host = await allowing(t);
    const { network, name, a } = host;
    const port = await listen(t);
    await network.allow(a, parseNetworkTargets(`host:${port}`));
    await sh('nft', 'delete', 'table', 'inet', name);
    const again = await host.restarted();
    await again.ensureHost();
    t.is(await connectFrom(a.netnsPath, again.gateway, port), 'open');
    await again.detach('a');
    t.false((await sh('nft', 'list', 'table', 'inet', name)).includes(a.ip));
  },
);

test.serial('a lower bound of the host holds for what was allowed before', async (t) => {
  const host = await allowing(t);
  const { network, a } = host;
  const [port, other] = [await listen(t), await listen(t)];
  await network.allow(a, parseNetworkTargets(`host:${port}, host:${other}`));
  const again = await host.restarted({ allowMax: parseNetworkTargets(`host:${other}`) });
  await again.ensureHost();
  t.is(await connectFrom(a.netnsPath, again.gateway, port), 'refused');
  t.is(await connectFrom(a.netnsPath, again.gateway, other), 'open');
});
