import type { V1Deployment, V1NetworkPolicy, V1Service } from '@kubernetes/client-node';
import { functionPort, workloadOf, type FunctionDeployment, type FunctionName } from '../../provider/index.ts';
import {
  callsFunctionsLabel,
  functionLabel,
  incarnationLabel,
  labelsForCluster,
  managedBy,
  selectorOf,
} from './cluster-labels.ts';
import { withDefaults } from './function-defaults.ts';
import { podTemplate, type TemplateSettings } from './pod-template.ts';
import { versionAnnotations, type StoredVersions } from './stored-version.ts';

export interface DeploymentSettings extends TemplateSettings {
  /** How long a new version may take to be ready, in milliseconds. */
  startTimeoutMs: number;
}

/** The most that Kubernetes counts. */
const mostSeconds = 2 ** 31 - 1;

/** Makes the Deployment of a function's versions. The label `incarnation` never changes in a life of the function. */
export function deploymentObject(
  versions: StoredVersions,
  life: { incarnation: string; replicas: number },
  settings: DeploymentSettings,
): V1Deployment {
  const { deployment } = versions.current;
  const { name, namespace } = deployment;
  const { incarnation, replicas } = life;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      labels: { ...labelsForCluster(deployment.labels), ...ownLabels(deployment, incarnation) },
      annotations: versionAnnotations(versions),
    },
    spec: {
      replicas,
      selector: { matchLabels: selectorOf(deployment, incarnation) },
      template: podTemplate(versions.current, ownLabels(deployment, incarnation), settings),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      revisionHistoryLimit: 1,
      progressDeadlineSeconds: deadlineSeconds(deployment, settings),
    },
  };
}

function ownLabels(fn: FunctionName, incarnation: string): Record<string, string> {
  return { [managedBy.key]: managedBy.value, ...selectorOf(fn, incarnation) };
}

function deadlineSeconds(deployment: FunctionDeployment, { startTimeoutMs, defaults }: DeploymentSettings): number {
  const ms = Math.max(startTimeoutMs, workloadOf(withDefaults(deployment, defaults)).startAllowedMs);
  return Math.min(mostSeconds, Math.max(1, Math.ceil(ms / 1000)));
}

/** Makes the headless Service of a function: it has slices of endpoints made, and goes with the Deployment that owns it. */
export function serviceObject(owner: V1Deployment): V1Service {
  const { name = '', namespace, uid = '', labels = {} } = owner.metadata ?? {};
  const incarnation = labels[incarnationLabel] ?? '';
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name,
      namespace,
      labels: ownLabels({ name, namespace: namespace ?? '' }, incarnation),
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid }],
    },
    spec: {
      clusterIP: 'None',
      selector: selectorOf({ name, namespace: namespace ?? '' }, incarnation),
      ports: [{ name: 'http', port: functionPort, targetPort: functionPort }],
    },
  };
}

/**
 * Makes the rule of who may call functions: the gateway, and the functions that are allowed to. What functions may call is as
 * on one host everything outside but the address where clouds give out their keys.
 * @param gatewayNamespace where berth's own Pods are
 */
export function networkPolicyObject(namespace: string, gatewayNamespace: string): V1NetworkPolicy {
  const anywhere = { matchLabels: {} };
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'berth-functions', namespace, labels: { [managedBy.key]: managedBy.value } },
    spec: {
      podSelector: {
        matchLabels: { [managedBy.key]: managedBy.value },
        matchExpressions: [{ key: functionLabel, operator: 'Exists' }],
      },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          _from: [
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': gatewayNamespace } } },
            { namespaceSelector: anywhere, podSelector: { matchLabels: { [callsFunctionsLabel]: 'true' } } },
          ],
        },
      ],
      egress: [
        { to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32'] } }] },
        { to: [{ ipBlock: { cidr: '::/0' } }] },
        { to: [{ namespaceSelector: anywhere }] },
      ],
    },
  };
}
