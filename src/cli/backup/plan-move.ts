import {
  annotationsForCluster,
  checkDeployment,
  labelsForCluster,
  type NamespaceOfCluster,
} from '../../backends/kubernetes/index.ts';
import {
  deploymentText,
  fullName,
  workloadOf,
  type FunctionDeployment,
  type Namespace,
  type Secret,
} from '../../provider/index.ts';
import type { House, HouseFunction } from './house.ts';

/** `left`: it stays where it is, as the cluster cannot have it. */
export type MoveAction = 'added' | 'changed' | 'unchanged' | 'left';

interface Planned {
  action: MoveAction;
  /** Whether the cluster has another one of its own in its place. */
  replaces: boolean;
  /** Why it is left, and what to do. */
  why?: string;
}

export interface NamespaceStep extends Planned {
  kind: 'namespace';
  wanted: Namespace;
}

export interface SecretStep extends Planned {
  kind: 'secret';
  wanted: Secret;
  /** It is what images are pulled with, and no function reads it. */
  isLogins: boolean;
}

export interface FunctionStep extends Planned {
  kind: 'function';
  wanted: FunctionDeployment;
  /** Wanted, 0 for one that sleeps. */
  replicas: number;
}

/** What becomes of one namespace, secret or function. */
export type MoveStep = NamespaceStep | SecretStep | FunctionStep;

/** What a cluster has of each namespace of a house, or why that cannot be seen. */
export type ClusterView = Map<string, NamespaceOfCluster | Error>;

/** The most that a Secret of Kubernetes holds. */
const mostSecretBytes = 1024 * 1024;
/** https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-subdomain-names */
const secretNamePattern = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** berth writes it itself, with a value that is its own. */
const openfaasMark = 'openfaas';

const added: Planned = { action: 'added', replaces: false };
const unchanged: Planned = { action: 'unchanged', replaces: false };
const changed: Planned = { action: 'changed', replaces: true };

/** Says what bringing a house to a cluster does: namespaces, then secrets, then functions. */
export function planMove(house: House, view: ClusterView): MoveStep[] {
  const namespaces = house.namespaces.map((namespace) => namespaceStep(namespace, view));
  const missing = new Set(namespaces.filter(({ action }) => action === 'left').map(({ wanted }) => wanted.name));
  const mounted = addressesOf(house.functions, ({ secrets = [] }) => secrets);
  const pulled = addressesOf(house.functions, (deployment) => workloadOf(deployment).pullSecret ?? []);
  const secrets = house.secrets.map((secret): SecretStep => {
    const isLogins = pulled.has(fullName(secret)) && !mounted.has(fullName(secret));
    const planned = leftWith(missing, secret.namespace) ?? planSecret(secret, view);
    return { kind: 'secret', ...planned, wanted: secret, isLogins };
  });
  const left = new Set(secrets.filter(({ action }) => action === 'left').map(({ wanted }) => fullName(wanted)));
  const functions = house.functions.map(({ deployment, replicas }): FunctionStep => {
    const planned = leftWith(missing, deployment.namespace) ?? planFunction(deployment, { view, left });
    return { kind: 'function', ...planned, wanted: deployment, replicas };
  });
  return [...namespaces, ...secrets, ...functions];
}

function addressesOf(functions: HouseFunction[], namesOf: (deployment: FunctionDeployment) => string | string[]) {
  const addresses = functions.flatMap(({ deployment }) =>
    [namesOf(deployment)].flat().map((name) => fullName({ name, namespace: deployment.namespace })),
  );
  return new Set(addresses);
}

function leftBehind(why: string): Planned {
  return { action: 'left', replaces: false, why };
}

function leftWith(missing: Set<string>, namespace: string): Planned | undefined {
  return missing.has(namespace) ? leftBehind(`its namespace ${namespace} is left behind`) : undefined;
}

function namespaceStep(namespace: Namespace, view: ClusterView): NamespaceStep {
  const { name } = namespace;
  const found = view.get(name);
  const labels = labelsForCluster(namespace.labels);
  const annotations = annotationsForCluster(namespace.annotations);
  const wanted = { name, labels, annotations };
  if (found instanceof Error)
    return { kind: 'namespace', ...leftBehind(`what is in it cannot be seen: ${found.message}`), wanted };
  if (!found || found.kind === 'absent') return { kind: 'namespace', ...added, wanted };
  if (found.kind === 'other') {
    const why = `the cluster has one that is not for functions: kubectl label namespace ${name} openfaas=1 makes it one, or remove it`;
    return { kind: 'namespace', ...leftBehind(why), wanted };
  }
  const pairs = [comparedWith(labels, found.labels), comparedWith(annotations, found.annotations)];
  const replaces = pairs.includes('other');
  const action = replaces || pairs.includes('more') ? 'changed' : 'unchanged';
  // What the cluster's own has beside that stays.
  const merged = {
    name,
    labels: { ...found.labels, ...labels },
    annotations: { ...found.annotations, ...annotations },
  };
  return { kind: 'namespace', action, replaces, wanted: merged };
}

/** Says whether texts are among those that are there: `more` where some are not, `other` where one is there with another value. */
function comparedWith(wanted: Record<string, string>, there: Record<string, string>): 'same' | 'more' | 'other' {
  const entries = Object.entries(wanted).filter(([key]) => key !== openfaasMark);
  if (entries.some(([key, value]) => there[key] !== undefined && there[key] !== value)) return 'other';
  return entries.some(([key]) => there[key] === undefined) ? 'more' : 'same';
}

function planSecret({ name, namespace, value }: Secret, view: ClusterView): Planned {
  if (!secretNamePattern.test(name)) {
    const rule = 'Kubernetes wants lower-case letters, digits, dashes and dots in its name';
    return leftBehind(`${rule}: create it under another one, and deploy the functions that use it with that`);
  }
  if (value.length > mostSecretBytes)
    return leftBehind(`it has ${value.length} bytes, and Kubernetes holds ${mostSecretBytes} at most: make it smaller`);
  const present = presentIn(namespace, view)?.secrets.find((each) => each.name === name);
  if (!present) return added;
  return present.value.equals(value) ? unchanged : changed;
}

function planFunction(
  deployment: FunctionDeployment,
  { view, left }: { view: ClusterView; left: Set<string> },
): Planned {
  const { name, namespace, secrets = [] } = deployment;
  try {
    checkDeployment(deployment);
  } catch (error) {
    return leftBehind(`${(error as Error).message}: change it, and deploy it there`);
  }
  const { pullSecret = [] } = workloadOf(deployment);
  const lacking = [...secrets, pullSecret].flat().find((secret) => left.has(fullName({ name: secret, namespace })));
  if (lacking !== undefined)
    return leftBehind(`its secret ${lacking} is left behind: deploy it there with another one`);
  const present = presentIn(namespace, view)?.functions.find((each) => each.name === name);
  if (!present) return added;
  return deploymentText(present) === deploymentText(deployment) ? unchanged : changed;
}

function presentIn(namespace: string, view: ClusterView): NamespaceOfCluster | undefined {
  const found = view.get(namespace);
  return found instanceof Error ? undefined : found;
}

/** Names what a step is about, such as `function echo.openfaas-fn`. */
export function stepName({ kind, wanted }: MoveStep): string {
  return kind === 'namespace' ? `namespace ${wanted.name}` : `${kind} ${fullName(wanted)}`;
}
