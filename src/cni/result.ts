import { z } from 'zod';

const text = z.string().optional();

/** Schema of what a chain of plugins made, and what each of them prints. */
export const cniResult = z.looseObject({
  interfaces: z.array(z.looseObject({ name: z.string(), mac: text, sandbox: text })).default([]),
  routes: z.array(z.looseObject({ dst: z.string(), gw: text })).optional(),
  ips: z.array(z.looseObject({ address: z.string(), gateway: text, interface: z.int().optional() })).default([]),
});

/** What a chain of plugins made, since CNI 0.3.0: https://www.cni.dev/docs/spec/#success. Unknown fields are kept. */
export type CniResult = z.infer<typeof cniResult>;

/**
 * Finds the address that the sandbox got: the first one whose interface lies in a sandbox. An address without an
 * interface index counts too, as IPAM-only results have none.
 * @returns the address without its prefix length, and its gateway
 */
export function sandboxAddress({ interfaces, ips }: CniResult): { ip: string; gateway?: string } | undefined {
  const own = ips.find((ip) => ip.interface === undefined || interfaces[ip.interface]?.sandbox);
  const ip = own?.address.split('/')[0];
  return ip ? { ip, gateway: own?.gateway } : undefined;
}
