import type {
  V1Container,
  V1PodSpec,
  V1PodTemplateSpec,
  V1ResourceRequirements,
  V1Volume,
} from '@kubernetes/client-node';
import {
  callLimitsOf,
  capabilitiesOf,
  functionPort,
  networkAllowOf,
  workloadOf,
  type FunctionDeployment,
  type FunctionResources,
  type PullPolicy,
} from '../../provider/index.ts';
import { annotationsForCluster, callsFunctionsLabel, generationLabel, labelsForCluster } from './cluster-labels.ts';
import { withDefaults, type FunctionDefaults } from './function-defaults.ts';
import { nodeSelectorOf } from './node-selector.ts';
import { probesOf } from './probe-objects.ts';
import type { StoredVersion } from './stored-version.ts';

/** The name of the one container of a function's Pods. */
export const functionContainer = 'function';

export interface TemplateSettings {
  /** Names of Secrets with registry logins, in each namespace of functions. */
  imagePullSecrets: string[];
  /** When images are pulled that say nothing of it. */
  pullPolicy?: PullPolicy;
  /** What functions have that say nothing of it; nothing where it is absent. */
  defaults?: FunctionDefaults;
}

/** How long a Pod goes on answering while everybody is told that it ends, in seconds. */
const drainSeconds = 2;
/** How long calls may take to end where the function does not say, in seconds. */
const defaultGraceSeconds = 30;
const secretsFolder = '/var/openfaas/secrets';

/**
 * Makes the Pods of a version: the same for the same version, so that Kubernetes starts none anew.
 * @param labels by which the Pods are found
 */
export function podTemplate(
  version: StoredVersion,
  labels: Record<string, string>,
  settings: TemplateSettings,
): V1PodTemplateSpec {
  const { deployment, generation } = version;
  const mayCall = networkAllowOf(deployment).some(({ kind }) => kind === 'functions');
  return {
    metadata: {
      labels: {
        ...labelsForCluster(deployment.labels),
        ...labels,
        [generationLabel]: generation,
        ...(mayCall && { [callsFunctionsLabel]: 'true' }),
      },
      annotations: annotationsForCluster(deployment.annotations),
    },
    spec: podSpec(withDefaults(deployment, settings.defaults), settings),
  };
}

function podSpec(deployment: FunctionDeployment, settings: TemplateSettings): V1PodSpec {
  const { dns, pullSecret } = workloadOf(deployment);
  const pullSecrets = [...(pullSecret === undefined ? [] : [pullSecret]), ...settings.imagePullSecrets];
  return {
    containers: [container(deployment, settings)],
    volumes: volumesOf(deployment),
    nodeSelector: nodeSelectorOf(deployment),
    ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets.map((name) => ({ name })) }),
    ...(dns.servers && { dnsPolicy: 'None' }),
    ...((dns.servers ?? dns.search) && { dnsConfig: { nameservers: dns.servers, searches: dns.search } }),
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: graceSecondsOf(deployment),
    securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
  };
}

function container(deployment: FunctionDeployment, settings: TemplateSettings): V1Container {
  const { image, readOnlyRootFilesystem = false, secrets = [] } = deployment;
  const workload = workloadOf(deployment);
  const capabilities = capabilitiesOf(deployment).map((name) => name.replace(/^CAP_/, ''));
  return {
    name: functionContainer,
    image,
    imagePullPolicy: workload.pullPolicy ?? settings.pullPolicy ?? 'IfNotPresent',
    env: envOf(deployment),
    ports: [{ name: 'http', containerPort: functionPort }],
    resources: resourceObjects(deployment),
    ...probesOf(workload),
    lifecycle: { preStop: { sleep: { seconds: drainSeconds } } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem,
      capabilities: { drop: ['ALL'], ...(capabilities.length > 0 && { add: capabilities }) },
    },
    volumeMounts: [
      ...(secrets.length > 0 ? [{ name: 'secrets', mountPath: secretsFolder, readOnly: true }] : []),
      ...(readOnlyRootFilesystem ? [{ name: 'tmp', mountPath: '/tmp' }] : []),
    ],
  };
}

/** In one order, as `fprocess` is what is sent as such. */
function envOf({ name, namespace, envVars = {}, envProcess }: FunctionDeployment) {
  const own = { OPENFAAS_NAME: name, OPENFAAS_NAMESPACE: namespace };
  const variables = { ...own, ...envVars, ...(envProcess && { fprocess: envProcess }) };
  return Object.entries(variables).map(([key, value]) => ({ name: key, value: withoutReferences(value) }));
}

/** Kubernetes would put another variable's value in the place of `$(NAME)`; two dollars are one to it. */
function withoutReferences(value: string): string {
  return value.replaceAll('$', () => '$$');
}

function volumesOf({ secrets = [], readOnlyRootFilesystem }: FunctionDeployment): V1Volume[] {
  const sources = [...new Set(secrets)].map((name) => ({ secret: { name, items: [{ key: name, path: name }] } }));
  return [
    ...(sources.length > 0 ? [{ name: 'secrets', projected: { defaultMode: 0o444, sources } }] : []),
    ...(readOnlyRootFilesystem ? [{ name: 'tmp', emptyDir: {} }] : []),
  ];
}

/** Amounts as they were sent; of GPUs a limit alone is asked for. */
function resourceObjects(deployment: FunctionDeployment): V1ResourceRequirements {
  const { diskLimitBytes } = workloadOf(deployment);
  const disk = diskLimitBytes !== undefined && Number.isFinite(diskLimitBytes) ? String(diskLimitBytes) : undefined;
  const { memory, cpu } = deployment.requests ?? {};
  return {
    limits: given({ ...deployment.limits, 'ephemeral-storage': disk }),
    requests: given({ memory, cpu }),
  };
}

function given(amounts: FunctionResources & { 'ephemeral-storage'?: string }): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).filter(([, amount]) => amount));
}

function graceSecondsOf({ envVars = {} }: FunctionDeployment): number {
  const { drainMs, graceMs } = callLimitsOf(envVars);
  const longestMs = Math.max(drainMs ?? 0, graceMs ?? 0);
  return drainSeconds + Math.max(defaultGraceSeconds, Math.ceil(longestMs / 1000));
}
