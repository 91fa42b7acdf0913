import { readFile } from 'node:fs/promises';
import { absentAs } from '../../base/absent-file.ts';
import type { Log } from '../../base/log.ts';
import {
  answering,
  EventFeed,
  RoutingTable,
  tellingVerbs,
  type Provider,
  type PullPolicy,
  type VersionInfo,
} from '../../provider/index.ts';
import { ClusterDeployments } from './cluster-deployments.ts';
import { ClusterFunctions } from './cluster-functions.ts';
import { ClusterLogs } from './cluster-logs.ts';
import { ClusterNamespaces } from './cluster-namespaces.ts';
import { ClusterPeers } from './cluster-peers.ts';
import { ClusterQueries } from './cluster-queries.ts';
import { ClusterSecrets } from './cluster-secrets.ts';
import { ClusterServices } from './cluster-services.ts';
import type { FunctionDefaults } from './function-defaults.ts';
import { makeFunctionNamespace, prepareNamespace } from './function-namespace.ts';
import { FunctionRoutes } from './function-routes.ts';
import { FunctionWatch } from './function-watch.ts';
import { KubernetesBackEnd } from './kubernetes-back-end.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { answerOfCluster } from './kubernetes-error.ts';
import { tellPods } from './pod-events.ts';
import { tellWarnings } from './pod-warnings.ts';
import { PodMetrics } from './pod-metrics.ts';
import { RestoreTarget } from './restore-target.ts';
import { RolloutWaits } from './rollout-waits.ts';

export interface KubernetesOptions {
  /** Path of a kubeconfig; unset: the service account of the Pod that this runs in. */
  kubeconfig?: string;
  /** The namespace of functions that say none. */
  functionNamespace: string;
  /** Names of Secrets with registry logins, in each namespace of functions. */
  imagePullSecrets: string[];
  /** What functions have that say nothing of it. */
  defaults?: FunctionDefaults;
  /** When images are pulled that say nothing of it, `IfNotPresent` unless given. */
  pullPolicy?: PullPolicy;
  /** How long a new version may take to be ready, in milliseconds; two minutes unless given. */
  startTimeoutMs?: number;
  /** What `info` tells. */
  version?: VersionInfo;
  log: Log;
}

interface Verbs {
  functions: ClusterFunctions;
  queries: ClusterQueries;
  logs: ClusterLogs;
  metrics: PodMetrics;
  secrets: ClusterSecrets;
  namespaces: ClusterNamespaces;
  events: EventFeed;
  version: VersionInfo;
  peers: ClusterPeers;
}

/** How long who deploys waits for the new version, in milliseconds: faas-cli gives up after 60 s. */
const answerMs = 20_000;
const namespaceFile = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The parts of a back end, before anything is asked of the cluster. */
async function buildParts(options: KubernetesOptions) {
  const { kubeconfig, functionNamespace, log } = options;
  const client = await KubernetesClient.open(kubeconfig);
  const gatewayNamespace = kubeconfig === undefined ? await ownNamespace() : undefined;
  const events = new EventFeed();
  const routes = new RoutingTable();
  const watch = new FunctionWatch(client, { functionNamespace, log });
  // Routes first: who waits for a version looks at them.
  new FunctionRoutes(watch, routes);
  const waits = new RolloutWaits({ watch, routes, answerMs });
  watch.onNamespace((namespace, objects) => {
    tellPods(namespace, objects, events);
    tellWarnings(namespace, objects, { events, isNew: () => watch.isListed(namespace) });
  });
  const { startTimeoutMs = 120_000, imagePullSecrets, pullPolicy, defaults } = options;
  const settings = { imagePullSecrets, pullPolicy, startTimeoutMs, defaults };
  const secrets = new ClusterSecrets({ client, watch });
  const services = new ClusterServices(client);
  const deployments = new ClusterDeployments({ client, watch, services, settings });
  const functions = new ClusterFunctions({ deployments, services, watch, routes, waits, secrets, events });
  const repair = (namespace: string) => services.repair(namespace, { watch, log });
  const prepare = (namespace: string) => prepareNamespace(namespace, { client, gatewayNamespace, repair, log });
  const namespaces = new ClusterNamespaces({ client, watch, functionNamespace, prepare });
  const metrics = new PodMetrics({ client, watch });
  const queries = new ClusterQueries({ watch, routes, metrics });
  const logs = new ClusterLogs({ client, watch, log });
  const { version = { release: 'unknown', sha: 'unknown' } } = options;
  const verbs = { functions, queries, logs, metrics, secrets, namespaces, events, version };
  const peers = new ClusterPeers({ client, namespace: functionNamespace, log });
  return { ...verbs, client, watch, waits, prepare, peers };
}

/**
 * Builds the back end, which follows the cluster from its `start` on.
 * @throws Error when the client is not installed, or the kubeconfig cannot be read
 */
export async function openCluster(options: KubernetesOptions): Promise<KubernetesBackEnd> {
  const { functionNamespace, log } = options;
  const parts = await buildParts(options);
  const { client, watch, prepare } = parts;
  const provider = clusterProvider(parts);
  return new KubernetesBackEnd({
    provider,
    watch,
    async prepare() {
      if (!watch.namespaces.get(functionNamespace)) await makeFunctionNamespace(client, functionNamespace, log);
      for (const namespace of watch.names()) await prepare(namespace);
    },
  });
}

/** Opens the back end and follows the cluster at once; a cluster that is away is waited for a few seconds. */
export async function openKubernetes(
  options: KubernetesOptions,
): Promise<{ provider: Provider; close: () => Promise<void> }> {
  const backEnd = await openCluster(options);
  await backEnd.start();
  return { provider: backEnd.provider, close: () => backEnd.stop() };
}

/**
 * Opens the cluster for a restore: nothing of it is changed but what that asks for.
 * @throws Error when the client is not installed, the kubeconfig cannot be read, or the cluster does not answer or knows us not
 */
export async function openForRestore(options: KubernetesOptions): Promise<RestoreTarget> {
  const parts = await buildParts(options);
  const target = new RestoreTarget(parts);
  await target.start();
  return target;
}

/** Returns the provider on a cluster: a table of which part answers each verb. */
function clusterProvider(parts: Verbs): Provider {
  const { functions, queries, logs, metrics, secrets, namespaces, events, version, peers } = parts;
  const verbs = {
    info: () => Promise.resolve({ provider: 'berth', orchestration: 'kubernetes', version }),
    deploy: functions.deploy.bind(functions),
    update: functions.update.bind(functions),
    remove: functions.remove.bind(functions),
    scale: functions.scale.bind(functions),
    rollBack: functions.rollBack.bind(functions),
    restart: functions.restart.bind(functions),
    list: (namespace: string) => Promise.try(() => queries.list(namespace)),
    status: queries.status.bind(queries),
    replicas: (...args: Parameters<ClusterQueries['replicas']>) => Promise.try(() => queries.replicas(...args)),
    logs: logs.query.bind(logs),
    measure: () => metrics.measure(),
    secrets: {
      list: secrets.list.bind(secrets),
      create: secrets.create.bind(secrets),
      update: secrets.update.bind(secrets),
      remove: secrets.remove.bind(secrets),
    },
    namespaces: {
      list: namespaces.list.bind(namespaces),
      get: namespaces.get.bind(namespaces),
      create: namespaces.create.bind(namespaces),
      update: namespaces.update.bind(namespaces),
      remove: namespaces.remove.bind(namespaces),
    },
  };
  // Whoever calls a function has no password: of what `resolve` throws only the contract's own errors are for them.
  const resolve: Provider['resolve'] = (fn, options) => queries.resolve(fn, options);
  const resolveNow: Provider['resolveNow'] = (fn) => queries.resolveNow(fn);
  const told = { ...verbs, ...tellingVerbs(verbs, events) };
  return { ...answering(told, answerOfCluster), resolve, resolveNow, events, peers };
}

/** Returns the namespace of the Pod that this runs in. */
async function ownNamespace(): Promise<string | undefined> {
  const text = await readFile(namespaceFile, 'utf8').catch(absentAs(undefined));
  return text?.trim() || undefined;
}
