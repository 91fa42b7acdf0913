import { answering, tellingVerbs, type EventSource, type Provider, type VersionInfo } from '../../provider/index.ts';
import type { Deployments } from './deployments.ts';
import type { FunctionNamespaces } from './function-namespaces.ts';
import type { FunctionQueries } from './function-queries.ts';
import type { FunctionSecrets } from './function-secrets.ts';
import type { HostReport } from './host-report.ts';
import type { Images } from './images/index.ts';
import type { Measures } from './measures.ts';
import { toProviderError } from './to-provider-error.ts';

export interface ContainerdProviderParts {
  version: VersionInfo;
  deployments: Deployments;
  queries: FunctionQueries;
  images: Images;
  host: HostReport;
  measures: Measures;
  secrets: FunctionSecrets;
  namespaces: FunctionNamespaces;
  events: EventSource;
}

/** All that a provider may have, but other gateways in front of the same host. */
export type WholeProvider = Required<Omit<Provider, 'peers'>>;

/** Returns the provider on containerd: a table of which part answers each verb. */
export function containerdProvider(parts: ContainerdProviderParts): WholeProvider {
  const { version, deployments, queries, images, host, measures, secrets, namespaces, events } = parts;
  // Whoever calls a function has no password: of what `resolve` throws only the contract's own errors are for them.
  const resolve: Provider['resolve'] = (name, options) => queries.resolve(name, options);
  const resolveNow: Provider['resolveNow'] = (name) => queries.resolveNow(name);
  const verbs: Omit<WholeProvider, 'resolve' | 'resolveNow' | 'events'> = {
    info: () => Promise.resolve({ provider: 'berth', orchestration: 'containerd', version }),
    deploy: (deployment, options) => deployments.deploy(deployment, options),
    update: (deployment, options) => deployments.update(deployment, options),
    remove: (name) => deployments.remove(name),
    scale: (name, replicas, options = {}) => deployments.scale(name, replicas, options),
    rollBack: (name) => deployments.rollBack(name),
    restart: (name) => deployments.restart(name),
    replicas: (name) => queries.replicas(name),
    pulls: () => Promise.resolve(images.pulls()),
    host: () => host.read(),
    fromFiles: () => Promise.resolve(queries.fromFiles()),
    list: (namespace) => queries.list(namespace),
    status: (name, options) => queries.status(name, options),
    logs: (request, signal) => queries.logs(request, signal),
    measure: () => measures.read(),
    secrets: {
      list: (namespace) => secrets.list(namespace),
      create: (secret) => secrets.create(secret),
      update: (secret) => secrets.update(secret),
      remove: (secret) => secrets.remove(secret),
    },
    namespaces: {
      list: () => namespaces.list(),
      get: (name) => namespaces.get(name),
      create: (namespace) => namespaces.create(namespace),
      update: (namespace) => namespaces.update(namespace),
      remove: (name) => namespaces.remove(name),
    },
  };
  const told = { ...verbs, ...tellingVerbs(verbs, events) };
  return { ...answering(told, toProviderError), resolve, resolveNow, events };
}
