import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { Network } from '../../../src/backends/containerd/network/index.ts';
import { silentLog, type Log } from '../../../src/base/log.ts';
import type { NetworkTarget } from '../../../src/provider/index.ts';

const exec = promisify(execFile);

/** Runs a command and answers its standard output. */
export async function sh(command: string, ...args: string[]): Promise<string> {
  // Not npm's PATH, in which another program is called nft.
  return (await exec(command, args, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })).stdout;
}

export interface TestHost {
  network: Network;
  /** As given to Network: prefix of namespaces and table. */
  name: string;
  bridge: string;
  subnet: string;
  runDir: string;
  /** The same host after a restart of the daemon. */
  restarted(options?: { subnet?: string; allowMax?: NetworkTarget[] }): Promise<Network>;
}

let made = 0;

/** A functions' network under names of its own, so that test files can share one host; taken down after the test. */
export async function testHost(
  t: ExecutionContext,
  { subnet, gatewayPort = 8080, log = silentLog }: { subnet: string; gatewayPort?: number; log?: Log },
): Promise<TestHost> {
  const name = `tn${process.pid}x${made++}`;
  const bridge = `br${name}`;
  const dir = await mkdtemp(join(tmpdir(), 'network-test-'));
  const conflistPath = join(dir, 'net.conflist');
  const ipam = { type: 'host-local', ranges: [[{ subnet: '10.62.0.0/16' }]], routes: [{ dst: '0.0.0.0/0' }] };
  const plugins = [{ type: 'bridge', bridge, isGateway: true, ipMasq: false, ipam }];
  await writeFile(conflistPath, JSON.stringify({ cniVersion: '0.4.0', name: 'openfaas', plugins }));
  const runDir = join(dir, 'run');
  const restarted = (options: { subnet?: string; allowMax?: NetworkTarget[] } = {}) =>
    Network.open({ conflistPath, runDir, subnet, gatewayPort, name, log, ...options });
  const network = await restarted();
  t.teardown(async () => {
    for (const id of await network.attachments()) await network.detach(id);
    await network.removeHost();
    await rm(dir, { recursive: true });
  });
  return { network, name, bridge, subnet, runDir, restarted };
}

/** What a TCP connection from within a network namespace comes to, within a few seconds. */
export async function connectFrom(netnsPath: string, ip: string, port: number): Promise<'open' | 'refused' | 'silent'> {
  const script = `exec 3<>/dev/tcp/${ip}/${port}`;
  try {
    await sh('nsenter', `--net=${netnsPath}`, 'timeout', '3', 'bash', '-c', script);
    return 'open';
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 124 ? 'silent' : 'refused';
  }
}

/** A TCP server in this network namespace, on all addresses. */
export async function listen(t: ExecutionContext, port = 0): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end());
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '0.0.0.0', resolve));
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

/** A TCP server in another network namespace that tells each caller the address it came from. */
export async function listenIn(t: ExecutionContext, netnsPath: string): Promise<number> {
  const script = `const s = require('net').createServer((c) => c.on('error', () => {}).end(c.remoteAddress));
    s.listen(0, '0.0.0.0', () => console.log(s.address().port));`;
  const child = spawn('nsenter', [`--net=${netnsPath}`, process.execPath, '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => {
    child.kill('SIGKILL');
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', (data: Buffer) => resolve(Number(data.toString())));
  });
}
