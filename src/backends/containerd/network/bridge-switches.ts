import { readFile, writeFile } from 'node:fs/promises';
import { absentAs } from '../../../base/absent-file.ts';

export interface BridgeSwitches {
  /** Packets from the bridge may end at the host's loopback. */
  toLoopback: boolean;
  /** The host answers ARP for one isolated port to another, so that what they say comes by it, and so by our rules. */
  between: boolean;
}

/** Sets the kernel's switches of the bridge; it does nothing where there is no bridge yet. */
export async function setBridgeSwitches(bridge: string, { toLoopback, between }: BridgeSwitches): Promise<void> {
  await set(`conf/${bridge}/route_localnet`, toLoopback ? '1' : '0');
  await set(`conf/${bridge}/proxy_arp_pvlan`, between ? '1' : '0');
  // Else each answer waits for up to a second.
  if (between) await set(`neigh/${bridge}/proxy_delay`, '0');
}

async function set(name: string, value: string): Promise<void> {
  const file = `/proc/sys/net/ipv4/${name}`;
  const now = await readFile(file, 'utf8').catch(absentAs(undefined));
  if (now !== undefined && now.trim() !== value) await writeFile(file, value).catch(absentAs(undefined));
}
