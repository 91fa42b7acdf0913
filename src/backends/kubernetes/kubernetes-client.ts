/** The one place that knows the official client: how it is loaded, asked and watched with, and what is to be known of it. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type * as Kubernetes from '@kubernetes/client-node';
import { KubernetesError } from './kubernetes-error.ts';
import type { KindSource, WatchEvent } from './list-watch.ts';
import type { ClusterObject } from './object-store.ts';
import { replyLines } from './reply-lines.ts';

type ClientModule = typeof Kubernetes;

/** How long a request may take, in milliseconds; watches and logs last. */
const requestMs = 30_000;
/** How long a watch is asked to last, in seconds; what is added by chance keeps them from ending together. */
const [watchSeconds, watchSpread] = [300, 300];
/** How long a watch may be silent, in milliseconds: the API server sends a bookmark in about a minute. */
const silenceMs = 90_000;

type Selector = { labelSelector?: string; fieldSelector?: string };

interface ListOf<T> {
  items: T[];
  metadata?: { resourceVersion?: string };
}

export class KubernetesClient {
  readonly apps: Kubernetes.AppsV1Api;
  readonly core: Kubernetes.CoreV1Api;
  readonly networking: Kubernetes.NetworkingV1Api;
  readonly coordination: Kubernetes.CoordinationV1Api;
  readonly #discovery: Kubernetes.DiscoveryV1Api;
  readonly #custom: Kubernetes.CustomObjectsApi;
  readonly #module: ClientModule;
  readonly #config: Kubernetes.KubeConfig;

  private constructor(module: ClientModule, config: Kubernetes.KubeConfig) {
    this.#module = module;
    this.#config = config;
    this.apps = config.makeApiClient(module.AppsV1Api);
    this.core = config.makeApiClient(module.CoreV1Api);
    this.networking = config.makeApiClient(module.NetworkingV1Api);
    this.coordination = config.makeApiClient(module.CoordinationV1Api);
    this.#discovery = config.makeApiClient(module.DiscoveryV1Api);
    this.#custom = config.makeApiClient(module.CustomObjectsApi);
  }

  /**
   * Loads the client and says where the cluster is.
   * @param kubeconfig path of a kubeconfig; unset: the service account of the Pod that this runs in
   * @throws Error saying what to install, or what is wrong with the kubeconfig
   */
  static async open(kubeconfig?: string): Promise<KubernetesClient> {
    const module = await import('@kubernetes/client-node').catch((cause: unknown) => {
      throw new Error(
        'backend=kubernetes needs the package @kubernetes/client-node, which a single host goes without: see docs/kubernetes.md',
        { cause },
      );
    });
    const config = new module.KubeConfig();
    try {
      if (kubeconfig === undefined) config.loadFromCluster();
      else config.loadFromFile(kubeconfig);
    } catch (cause) {
      throw new Error(`kubeconfig: ${kubeconfig ?? 'the service account'} cannot be read`, { cause });
    }
    const { server = '' } = config.getCurrentCluster() ?? {};
    // Outside of a Pod there are no variables to read it from.
    if (server !== '' && !server.includes('undefined')) return new KubernetesClient(module, config);
    throw new Error(`kubeconfig: ${kubeconfig ?? 'what is not in a Pod'} names no cluster: set it to a file that does`);
  }

  /**
   * Asks the API server.
   * @param request what is asked, for the error
   * @throws KubernetesError for any answer but a good one, and for none in time
   */
  async call<T>(request: string, ask: () => Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new KubernetesError(request, 0, { message: `no answer in ${requestMs / 1000} s` })),
      requestMs,
    );
    try {
      return await Promise.race([ask(), late]);
    } catch (error) {
      throw KubernetesError.of(request, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says of a request that its body is merged into what is there. */
  get mergePatch() {
    return this.#module.setHeaderOptions('Content-Type', this.#module.PatchStrategy.MergePatch);
  }

  /** A moment as Leases have it, in milliseconds since 1970; now unless given. */
  microTime(ms = Date.now()): Kubernetes.V1MicroTime {
    return new this.#module.V1MicroTime(ms);
  }

  leases(namespace: string, labelSelector: string): KindSource<Kubernetes.V1Lease> {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const list = () => this.coordination.listNamespacedLease({ namespace, labelSelector });
    return this.#kind(`leases of ${namespace}`, path, { labelSelector }, list);
  }

  namespaces(): KindSource<Kubernetes.V1Namespace> {
    return this.#kind('namespaces', '/api/v1/namespaces', {}, () => this.core.listNamespace());
  }

  deployments(namespace: string, labelSelector: string): KindSource<Kubernetes.V1Deployment> {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const list = () => this.apps.listNamespacedDeployment({ namespace, labelSelector });
    return this.#kind(`deployments of ${namespace}`, path, { labelSelector }, list);
  }

  pods(namespace: string, labelSelector: string): KindSource<Kubernetes.V1Pod> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const list = () => this.core.listNamespacedPod({ namespace, labelSelector });
    return this.#kind(`pods of ${namespace}`, path, { labelSelector }, list);
  }

  slices(namespace: string, labelSelector: string): KindSource<Kubernetes.V1EndpointSlice> {
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const list = () => this.#discovery.listNamespacedEndpointSlice({ namespace, labelSelector });
    return this.#kind(`endpoints of ${namespace}`, path, { labelSelector }, list);
  }

  /** What the cluster warns of about Pods. */
  warnings(namespace: string): KindSource<Kubernetes.CoreV1Event> {
    const fieldSelector = 'involvedObject.kind=Pod,type=Warning';
    const list = () => this.core.listNamespacedEvent({ namespace, fieldSelector });
    return this.#kind(`events of ${namespace}`, `/api/v1/namespaces/${namespace}/events`, { fieldSelector }, list);
  }

  #kind<T extends ClusterObject>(
    what: string,
    path: string,
    selector: Selector,
    ask: () => Promise<ListOf<T>>,
  ): KindSource<T> {
    return {
      what,
      list: async () => {
        const { items, metadata } = await this.call(`list ${what}`, ask);
        return { items, version: metadata?.resourceVersion ?? '' };
      },
      watch: (version, onEvent, signal) => this.#watch({ what, path, selector, version }, onEvent, signal),
    };
  }

  /** Not the client's Watch: that ends one that is quiet each 30 s, and keeps to itself what its listener throws. */
  async #watch<T>(
    of: { what: string; path: string; selector: Selector; version: string },
    onEvent: (event: WatchEvent<T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const request = `watch ${of.what}`;
    const seconds = watchSeconds + Math.floor(Math.random() * watchSpread);
    const query = new URLSearchParams({
      watch: 'true',
      resourceVersion: of.version,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
      ...of.selector,
    });
    const silence = new AbortController();
    const giveUp = () => silence.abort(new KubernetesError(request, 0, { message: 'nothing was heard of it' }));
    let timer = setTimeout(giveUp, requestMs);
    try {
      const reply = await this.get(`${of.path}?${query.toString()}`, AbortSignal.any([signal, silence.signal]));
      clearTimeout(timer);
      timer = setTimeout(giveUp, silenceMs);
      for await (const line of replyLines(request, reply, () => timer.refresh())) onEvent(eventOf<T>(request, line));
    } catch (error) {
      if (!signal.aborted) throw KubernetesError.of(request, silence.signal.aborted ? silence.signal.reason : error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks with a request of our own and what the client knows of the cluster; resolves with any answer. */
  async get(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const cluster = this.#config.getCurrentCluster();
    const options: https.RequestOptions = {};
    await this.#config.applyToHTTPSOptions(options);
    // The client's agent keeps the certificates that it was made with, also when they were renewed.
    if (cluster?.proxyUrl === undefined) delete options.agent;
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const url = new URL((cluster?.server ?? '') + path);
    // As kubectl proxy gives it, without TLS.
    const { get } = url.protocol === 'http:' ? http : https;
    get(url, { ...options, signal }, resolve).on('error', reject);
    return promise;
  }

  /** Asks for the metrics of Pods; rejects with a KubernetesError that is not found where nobody measures. */
  async podMetrics(namespace: string, labelSelector: string): Promise<unknown> {
    const of = { group: 'metrics.k8s.io', version: 'v1beta1', plural: 'pods', namespace, labelSelector };
    return this.call('read the metrics of pods', () => this.#custom.listNamespacedCustomObject(of));
  }
}

/**
 * Makes an event of a line of a watch.
 * @throws KubernetesError for one that says that the watch ends, such as for a version that has expired
 */
function eventOf<T>(request: string, line: string): WatchEvent<T> {
  const { type, object } = JSON.parse(line) as WatchEvent<T>;
  if (type !== 'ERROR') return { type, object };
  const { code, message } = object as { code?: number; message?: string };
  throw new KubernetesError(request, code ?? 0, { message });
}
