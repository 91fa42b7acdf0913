import { setTimeout as sleep } from 'node:timers/promises';
import type {
  DeployOutcome,
  FunctionDeployment,
  FunctionName,
  FunctionStatus,
  Namespace,
  Secret,
} from '../../provider/index.ts';
import type { ClusterFunctions } from './cluster-functions.ts';
import type { ClusterNamespaces } from './cluster-namespaces.ts';
import type { ClusterQueries } from './cluster-queries.ts';
import type { ClusterSecrets } from './cluster-secrets.ts';
import { isForFunctions, type FunctionWatch } from './function-watch.ts';
import { answerOfCluster } from './kubernetes-error.ts';
import type { RolloutWaits } from './rollout-waits.ts';

interface RestoreTargetParts {
  watch: FunctionWatch;
  functions: ClusterFunctions;
  queries: ClusterQueries;
  secrets: ClusterSecrets;
  namespaces: ClusterNamespaces;
  waits: RolloutWaits;
}

/** A namespace of the cluster as it is wanted, whatever of it is there by now. */
export interface NamespaceOfCluster {
  /** `other`: it is there, and functions cannot be in it. */
  kind: 'absent' | 'functions' | 'other';
  labels: Record<string, string>;
  annotations: Record<string, string>;
  functions: FunctionDeployment[];
  secrets: Secret[];
}

/** How long a cluster may take to answer, in milliseconds. */
const answerMs = 15_000;
/** How long the cluster's rights may take until they hold in a namespace that was made just now, in milliseconds. */
const freshNamespaceMs = 30_000;

/** A cluster that functions, secrets and namespaces are brought to. Each method rejects with a ProviderError that says what to do. */
export class RestoreTarget {
  readonly #parts: RestoreTargetParts;

  constructor(parts: RestoreTargetParts) {
    this.#parts = parts;
  }

  /** @throws Error where the cluster does not answer, or does not show its namespaces */
  async start(): Promise<void> {
    const { watch } = this.#parts;
    const isThere = await within(answerMs, watch.start());
    const problem = watch.namespaceProblem ?? (isThere ? undefined : (watch.problems()[0] ?? 'no answer'));
    if (problem === undefined) return;
    watch.stop();
    throw new Error(
      `the cluster cannot be looked at: mend kubeconfig, or give its user the rights of berth: ${problem}`,
    );
  }

  /** Ends following the cluster. */
  close(): void {
    this.#parts.watch.stop();
  }

  /** Says what is in a namespace. */
  look(name: string): Promise<NamespaceOfCluster> {
    const { watch, secrets } = this.#parts;
    return answered(async () => {
      const found = watch.namespaces.get(name);
      const kind = !found ? 'absent' : isForFunctions(found) ? 'functions' : 'other';
      const { labels = {}, annotations = {} } = found?.metadata ?? {};
      if (kind !== 'functions') return { kind, labels, annotations, functions: [], secrets: [] };
      const functions = watch.functions(name).map(({ versions }) => versions.current.deployment);
      return { kind, labels, annotations, functions, secrets: await secrets.values(name) };
    });
  }

  makeNamespace(namespace: Namespace): Promise<void> {
    const { namespaces } = this.#parts;
    return answered(async () => {
      if (await within(freshNamespaceMs, namespaces.create(namespace))) return;
      throw new Error(`namespace ${namespace.name} is made, and the cluster does not show what is in it: try again`);
    });
  }

  /** Gives a namespace these labels and annotations and no others, but for Kubernetes' own. */
  changeNamespace(namespace: Namespace): Promise<void> {
    return answered(() => this.#parts.namespaces.update(namespace));
  }

  /**
   * Makes a secret.
   * @param secret with its value
   * @param options `isLogins`: it holds a docker config.json, for com.openfaas.image.pull-secret and not to be mounted
   */
  makeSecret(secret: Secret, options: { isLogins: boolean }): Promise<void> {
    return answered(() => this.#parts.secrets.create(secret, options));
  }

  changeSecret(secret: Secret): Promise<void> {
    return answered(() => this.#parts.secrets.update(secret));
  }

  /**
   * Makes a function, and waits for no replica of it.
   * @param replicas wanted, 0 for one that sleeps
   * @returns the id of its version
   */
  makeFunction(deployment: FunctionDeployment, replicas: number): Promise<string> {
    return answered(() => this.#parts.functions.create(deployment, replicas));
  }

  /**
   * Gives a function another version, and waits for no replica of it.
   * @param replicas wanted, 0 for one that sleeps
   * @returns the id of the version
   */
  changeFunction(deployment: FunctionDeployment, replicas: number): Promise<string> {
    return answered(() => this.#parts.functions.replace(deployment, replicas));
  }

  /** Waits some seconds at most for a replica of a version, and not where the cluster says that there is none for now. */
  outcome(fn: FunctionName, version: string): Promise<DeployOutcome> {
    return this.#parts.waits.outcome(fn, version);
  }

  status(fn: FunctionName): Promise<FunctionStatus> {
    return answered(() => this.#parts.queries.status(fn, { usage: false }));
  }
}

async function answered<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw answerOfCluster(error);
  }
}

/** Resolves to whether it is done in so many milliseconds. */
function within(ms: number, done: Promise<void>): Promise<boolean> {
  return Promise.race([done.then(() => true), sleep(ms, false, { ref: false })]);
}
