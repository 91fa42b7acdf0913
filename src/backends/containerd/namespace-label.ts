import type { Containerd } from '../../containerd/index.ts';

/** The label that makes a namespace of containerd one for functions, with the value 1 or true. */
export const openfaasLabel = 'openfaas';

export function hasOpenfaasLabel(labels: Record<string, string>): boolean {
  return labels[openfaasLabel] === '1' || labels[openfaasLabel] === 'true';
}

/** Lists the names of containerd's namespaces that are for functions, sorted. */
export async function openfaasNamespaces(containerd: Containerd): Promise<string[]> {
  const all = await containerd.namespaces.list();
  return all
    .filter(({ labels }) => hasOpenfaasLabel(labels))
    .map(({ name }) => name)
    .sort();
}
