import type { FunctionName } from '../../provider/index.ts';

/** What is berth's in a cluster. */
export const managedBy = { key: 'app.kubernetes.io/managed-by', value: 'berth' };
export const ownSelector = `${managedBy.key}=${managedBy.value}`;

/** Names the function, on all that is made for it. */
export const functionLabel = 'faas_function';
/** Of one life of a function: what is deployed again under its name never meets what the one before has left. */
export const incarnationLabel = 'berth/incarnation';
/** Of one version of a function, on its Pods. */
export const generationLabel = 'berth/generation';
/** On Pods that may call other functions. */
export const callsFunctionsLabel = 'berth/calls-functions';
/** Annotations of a Deployment: the version that is wanted, and the one before. */
export const versionAnnotation = 'berth/version';
export const previousAnnotation = 'berth/previous';
/** Why the last update was given up, where it was. */
export const failedUpdateAnnotation = 'berth/failed-update';

/** Marks a namespace as one for functions, as a label or an annotation. */
export const openfaasMark = 'openfaas';

/** Kubernetes' own on each slice of endpoints. */
export const serviceNameLabel = 'kubernetes.io/service-name';

const ownKeys = [managedBy.key, functionLabel, incarnationLabel, generationLabel, callsFunctionsLabel];

/** Which labels the Pods of one life of a function have. */
export function selectorOf({ name }: FunctionName, incarnation: string): Record<string, string> {
  return { [functionLabel]: name, [incarnationLabel]: incarnation };
}

const namePattern = /^[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;
const prefixPattern = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Picks the labels that Kubernetes takes; the others are in the version that the Deployment is annotated with. */
export function labelsForCluster(labels: Record<string, string> = {}): Record<string, string> {
  const fits = ([key, value]: [string, string]) =>
    isQualifiedName(key) && !ownKeys.includes(key) && (value === '' || namePattern.test(value));
  return Object.fromEntries(Object.entries(labels).filter(fits));
}

/** By which a Pod's annotations would say otherwise what its containers may do. */
const loosening = /^(container\.)?(apparmor|seccomp)\.security\./;

/** Picks the annotations that Kubernetes takes, whose values may be anything, but those that would loosen a Pod. */
export function annotationsForCluster(annotations: Record<string, string> = {}): Record<string, string> {
  const fits = (key: string) => isQualifiedName(key) && !key.startsWith('berth/') && !loosening.test(key);
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => fits(key)));
}

function isQualifiedName(key: string): boolean {
  const slash = key.indexOf('/');
  if (slash === -1) return namePattern.test(key);
  const prefix = key.slice(0, slash);
  return prefix.length <= 253 && prefixPattern.test(prefix) && namePattern.test(key.slice(slash + 1));
}
