import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { CniNetwork, parseConflist } from '../../../src/cni/index.ts';

/** One execution of a plugin, as the plugin saw it. */
export interface SeenCall {
  plugin: string;
  command: string;
  containerId: string;
  netns: string;
  ifname: string;
  cniPath: string;
  path: string;
  request: Record<string, unknown> & { prevResult?: { made: string } };
}

/** A folder of small real plugins, and what they were asked. */
export async function pluginFolder(t: ExecutionContext) {
  const root = await mkdtemp(join(tmpdir(), 'cni-test-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const binDir = join(root, 'bin');
  const cacheDir = join(root, 'cache');
  const calls = join(root, 'calls');
  await mkdir(binDir);

  /** Adds a plugin of this type; `body` is shell code that runs after the call was noted. */
  async function plugin(type: string, body = succeed(type)): Promise<string> {
    const note = `printf '{"plugin":"${type}","command":"%s","containerId":"%s","netns":"%s","ifname":"%s","cniPath":"%s","path":"%s","request":%s}\\n' "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_PATH" "$PATH" "$request" >> '${calls}'`;
    const file = join(binDir, type);
    await writeFile(file, `#!/bin/sh\nrequest=$(cat)\n${note}\n${body}\n`);
    await chmod(file, 0o755);
    return file;
  }

  async function seen(): Promise<SeenCall[]> {
    const text = await readFile(calls, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as SeenCall);
  }

  function network(types: string[], options: { timeoutMs?: number; extra?: Record<string, unknown> } = {}): CniNetwork {
    const plugins = types.map((type) => ({ type, ...options.extra }));
    const conflist = parseConflist(JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins }));
    return new CniNetwork({ conflist, binDirs: [join(root, 'none'), binDir], cacheDir, timeoutMs: options.timeoutMs });
  }

  return { root, binDir, cacheDir, plugin, seen, network };
}

/** Prints a result on ADD that names the plugin and has one address in the sandbox. */
export function succeed(type: string): string {
  const result = {
    cniVersion: '1.0.0',
    made: type,
    interfaces: [{ name: 'veth1' }, { name: 'eth0', sandbox: '/run/netns/a' }],
    ips: [{ address: '10.9.0.2/24', gateway: '10.9.0.1', interface: 1 }],
  };
  return `[ "$CNI_COMMAND" = ADD ] && echo '${JSON.stringify(result)}'; exit 0`;
}

export const target = { containerId: 'a', interfaceName: 'eth0', netnsPath: '/run/netns/a' };
