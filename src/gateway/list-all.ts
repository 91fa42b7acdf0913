import type { FunctionStatus, Provider } from '../provider/index.ts';

/** Lists the functions of every namespace. */
export async function listAll(provider: Provider, defaultNamespace: string): Promise<FunctionStatus[]> {
  const namespaces = (await provider.namespaces?.list()) ?? [defaultNamespace];
  return (await Promise.all(namespaces.map((namespace) => provider.list(namespace)))).flat();
}
