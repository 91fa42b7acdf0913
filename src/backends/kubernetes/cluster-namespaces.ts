import type { V1Namespace } from '@kubernetes/client-node';
import {
  BadRequestError,
  NamespaceExistsError,
  NamespaceNotFoundError,
  ProviderError,
  type Namespace,
  type NamespaceVerbs,
} from '../../provider/index.ts';
import { openfaasMark } from './cluster-labels.ts';
import { isForFunctions, type FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError, notFoundAs } from './kubernetes-error.ts';

/** Kubernetes' own, which stay when ours are replaced. */
const ownDomain = /(^|\.)(kubernetes|k8s)\.io\//;

export interface ClusterNamespacesOptions {
  client: KubernetesClient;
  watch: FunctionWatch;
  functionNamespace: string;
  /** Makes ready what every namespace of functions has. */
  prepare: (namespace: string) => Promise<void>;
}

/** The namespaces API: the cluster's namespaces that are marked `openfaas`. Others are neither shown nor changed. */
export class ClusterNamespaces implements NamespaceVerbs {
  readonly #parts: ClusterNamespacesOptions;

  constructor(parts: ClusterNamespacesOptions) {
    this.#parts = parts;
  }

  list(): Promise<string[]> {
    return Promise.resolve(this.#parts.watch.names());
  }

  get(name: string): Promise<Namespace> {
    return Promise.try(() => {
      const { labels = {}, annotations = {} } = this.#marked(name)?.metadata ?? {};
      return { name, labels, annotations };
    });
  }

  async create(namespace: Namespace): Promise<void> {
    const { client, watch, prepare } = this.#parts;
    const body = namespaceObject(namespace);
    const made = await client
      .call('create a Namespace', () => client.core.createNamespace({ body }))
      .catch((error: unknown) => this.#takenBy(namespace.name, error));
    watch.namespaces.put(made);
    await watch.listed(namespace.name);
    await prepare(namespace.name);
  }

  #takenBy(name: string, error: unknown): never {
    if (!(error instanceof KubernetesError) || !error.isAlreadyExists) throw error;
    const found = this.#parts.watch.namespaces.get(name);
    if (found && !isForFunctions(found) && found.status?.phase === 'Terminating')
      throw new ProviderError(409, `namespace ${name} is being removed: try again later`, { cause: error });
    throw new NamespaceExistsError(name);
  }

  async update(namespace: Namespace): Promise<void> {
    const { client, watch } = this.#parts;
    const { name } = namespace;
    this.#marked(name);
    // As it is now: the cluster's controllers change it too.
    const live = await client
      .call('read a Namespace', () => client.core.readNamespace({ name }))
      .catch(notFoundAs(undefined));
    if (!live) throw new NamespaceNotFoundError(name);
    const { metadata } = namespaceObject(namespace);
    const labels = { ...kubernetesOwn(live.metadata?.labels), ...metadata?.labels };
    const annotations = { ...kubernetesOwn(live.metadata?.annotations), ...metadata?.annotations };
    const { resourceVersion } = live.metadata ?? {};
    const body = { spec: live.spec, metadata: { name, labels, annotations, resourceVersion } };
    const made = await client.call('change a Namespace', () => client.core.replaceNamespace({ name, body }));
    watch.namespaces.put(made);
  }

  async remove(name: string): Promise<void> {
    const { client, watch, functionNamespace } = this.#parts;
    if (name === functionNamespace) throw new BadRequestError(`${name} is the default namespace and stays`);
    const live = this.#marked(name);
    if (!live) throw new NamespaceNotFoundError(name);
    const contents = watch.functions(name).map(({ versions }) => versions.current.deployment.name);
    if (contents.length > 0)
      throw new ProviderError(409, `namespace ${name} is not empty: remove ${contents.slice(0, 5).join(', ')} first`);
    await client.call('delete a Namespace', () => client.core.deleteNamespace({ name }));
    watch.namespaces.forget(live);
  }

  /**
   * Returns a namespace of functions; undefined for the default one where the cluster does not let us see it.
   * @throws NamespaceNotFoundError also when the namespace is somebody else's
   */
  #marked(name: string): V1Namespace | undefined {
    const { watch, functionNamespace } = this.#parts;
    const found = watch.namespaces.get(name);
    if (name !== functionNamespace && !(found && isForFunctions(found))) throw new NamespaceNotFoundError(name);
    return found;
  }
}

/** Marked both ways, as some look at the one and some at the other. */
function namespaceObject({ name, labels, annotations }: Namespace): V1Namespace {
  const mark = { [openfaasMark]: '1' };
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { ...labels, ...mark }, annotations: { ...annotations, ...mark } },
  };
}

function kubernetesOwn(texts: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([key]) => ownDomain.test(key)));
}
