import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { connectFrom, listen, listenIn, sh, testHost } from './host.ts';

const nothing = async (t: ExecutionContext) => {
  const gatewayPort = await listen(t);
  const host = await testHost(t, { subnet: '10.210.0.0/24', gatewayPort });
  await host.network.ensureHost();
  return { ...host, gatewayPort };
};

test.serial('functions reach the gateway, and nothing else of the host', async (t) => {
  const { network, gatewayPort } = await nothing(t);
  const otherPort = await listen(t);
  const dnsPort = await listen(t, 53);
  const { netnsPath } = await network.attach('a');
  t.is(await connectFrom(netnsPath, network.gateway, gatewayPort), 'open');
  t.is(await connectFrom(netnsPath, network.gateway, dnsPort), 'open');
  t.is(await connectFrom(netnsPath, network.gateway, otherPort), 'refused');
  t.is(await connectFrom('/proc/self/ns/net', network.gateway, otherPort), 'open');
});

test.serial('functions reach no port of another address of the host, not even the gateway', async (t) => {
  const { network, gatewayPort, name } = await nothing(t);
  await sh('ip', 'link', 'add', `d${name}`, 'type', 'veth', 'peer', 'name', `e${name}`);
  t.teardown(() => sh('ip', 'link', 'delete', `d${name}`));
  await sh('ip', 'address', 'add', '192.0.2.77/32', 'dev', `d${name}`);
  const { netnsPath } = await network.attach('a');
  t.is(await connectFrom('/proc/self/ns/net', '192.0.2.77', gatewayPort), 'open');
  t.is(await connectFrom(netnsPath, '192.0.2.77', gatewayPort), 'refused');
});

test.serial('the host reaches functions, functions do not reach each other', async (t) => {
  const { network, subnet } = await nothing(t);
  const [a, b] = await Promise.all([network.attach('a'), network.attach('b')]);
  const port = await listenIn(t, b.netnsPath);
  t.is(await connectFrom('/proc/self/ns/net', b.ip, port), 'open');
  t.is(await connectFrom(b.netnsPath, b.ip, port), 'open');
  t.not(await connectFrom(a.netnsPath, b.ip, port), 'open');
  // By way of the host instead of across the bridge.
  await sh('ip', '-n', a.netnsPath.split('/').at(-1) ?? '', 'route', 'delete', subnet);
  await sh('ip', '-n', a.netnsPath.split('/').at(-1) ?? '', 'route', 'add', network.gateway, 'dev', 'eth0');
  await sh('ip', '-n', a.netnsPath.split('/').at(-1) ?? '', 'route', 'replace', 'default', 'via', network.gateway);
  t.is(await connectFrom(a.netnsPath, b.ip, port), 'refused');
});

test.serial(
  'functions reach the outside under the address of the host, but no metadata service; the outside does not reach them',
  async (t) => {
    const { network, name, subnet } = await nothing(t);
    const outside = `${name}out`;
    await sh('ip', 'netns', 'add', outside);
    t.teardown(() => sh('ip', 'netns', 'delete', outside));
    await sh('ip', 'link', 'add', `u${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside);
    await sh('ip', 'address', 'add', '192.0.2.1/30', 'dev', `u${name}`);
    await sh('ip', 'link', 'set', `u${name}`, 'up');
    for (const address of ['192.0.2.2/30', '169.254.169.254/32']) {
      await sh('ip', '-n', outside, 'address', 'add', address, 'dev', 'eth0');
    }
    await sh('ip', '-n', outside, 'link', 'set', 'eth0', 'up');
    await sh('ip', '-n', outside, 'route', 'add', subnet, 'via', '192.0.2.1');
    await sh('ip', 'route', 'add', '169.254.169.254/32', 'dev', `u${name}`);
    const port = await listenIn(t, `/run/netns/${outside}`);
    const { netnsPath, ip } = await network.attach('a');

    const seenAs = await sh(
      'nsenter',
      `--net=${netnsPath}`,
      'bash',
      '-c',
      `exec 3<>/dev/tcp/192.0.2.2/${port}; cat <&3`,
    );
    t.is(seenAs, '192.0.2.1');
    t.is(await connectFrom('/proc/self/ns/net', '169.254.169.254', port), 'open');
    t.is(await connectFrom(netnsPath, '169.254.169.254', port), 'refused');
    const functionPort = await listenIn(t, netnsPath);
    t.is(await connectFrom('/proc/self/ns/net', ip, functionPort), 'open');
    t.is(await connectFrom(`/run/netns/${outside}`, ip, functionPort), 'refused');
  },
);

test.serial(
  'what a function answers to a call that began while the rules were gone arrives once they are back',
  async (t) => {
    const { network, name } = await nothing(t);
    const { netnsPath, ip } = await network.attach('a');
    const script = `const sockets = [];
    require('net').createServer((socket) => sockets.push(socket)).listen(9000, () => console.log('up'));
    process.on('SIGUSR1', () => sockets.forEach((socket) => socket.end('answer')));`;
    const server = spawn('nsenter', [`--net=${netnsPath}`, process.execPath, '-e', script]);
    t.teardown(() => server.kill('SIGKILL'));
    await once(server.stdout, 'data');

    await sh('nft', 'delete', 'table', 'inet', name);
    const caller = connect(9000, ip).setEncoding('utf8');
    t.teardown(() => {
      caller.destroy();
    });
    await once(caller, 'connect');
    await network.ensureHost();
    server.kill('SIGUSR1');
    t.deepEqual(await once(caller, 'data', { signal: AbortSignal.timeout(5000) }), ['answer']);
  },
);
