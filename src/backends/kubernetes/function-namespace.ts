import type { Log } from '../../base/log.ts';
import { openfaasMark } from './cluster-labels.ts';
import { networkPolicyObject } from './deployment-object.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError } from './kubernetes-error.ts';

export interface PrepareOptions {
  client: KubernetesClient;
  /** Where berth's own Pods are; unset where it is in none, and then nobody can be told by it who may call functions. */
  gatewayNamespace?: string;
  /** Makes the Services that a crash has left out. */
  repair: (namespace: string) => Promise<void>;
  log: Log;
}

/** Makes what every namespace of functions has; what the cluster does not let us make is said, and functions run without. */
export async function prepareNamespace(namespace: string, options: PrepareOptions): Promise<void> {
  const { client, gatewayNamespace, repair, log } = options;
  const attempt = (what: string, act: () => Promise<unknown>) =>
    act().catch((error: unknown) => log.warn(`${what} could not be made`, { namespace, error }));
  if (gatewayNamespace !== undefined)
    await attempt('the NetworkPolicy of functions', () => makePolicy(client, namespace, gatewayNamespace));
  await attempt('a Service', () => repair(namespace));
}

async function makePolicy(client: KubernetesClient, namespace: string, gatewayNamespace: string): Promise<void> {
  const body = networkPolicyObject(namespace, gatewayNamespace);
  const name = body.metadata?.name ?? '';
  const create = () => client.networking.createNamespacedNetworkPolicy({ namespace, body });
  const replace = () => client.networking.replaceNamespacedNetworkPolicy({ name, namespace, body });
  await client.call('create a NetworkPolicy', create).catch((error: unknown) => {
    if (!(error instanceof KubernetesError) || !error.isAlreadyExists) throw error;
    return client.call('change a NetworkPolicy', replace);
  });
}

/** Makes the namespace of functions that say none, where it is not there and we may. */
export async function makeFunctionNamespace(client: KubernetesClient, name: string, log: Log): Promise<void> {
  const mark = { [openfaasMark]: '1' };
  const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: mark, annotations: mark } };
  try {
    await client.call('create a Namespace', () => client.core.createNamespace({ body }));
    log.info('made the namespace of functions', { name });
  } catch (error) {
    if (error instanceof KubernetesError && error.isAlreadyExists) return;
    log.warn('the namespace of functions could not be made: create it', { name, error });
  }
}
