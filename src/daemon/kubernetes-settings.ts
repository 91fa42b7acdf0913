import {
  checkWorkload,
  path,
  probeKeys,
  resourcesOf,
  setting,
  type FaaSConfig,
  type PullPolicy,
} from '../provider/index.ts';

const names = {
  parse: (list: string) => (list === 'none' ? [] : list.split(/[\s,]+/).filter(Boolean)),
  unit: 'names with commas between them, or none',
};
const resources = { parse: toResources, unit: 'amounts such as memory=64Mi,cpu=100m; or none' };
const probes = { parse: toProbes, unit: 'such as ready.path=/_/ready,health.periodSeconds=5; or none' };

/** The settings of functions on a cluster. */
export const kubernetesSettings = {
  kubeconfig: setting(
    'kubeconfig',
    undefined,
    path,
    'with `backend=kubernetes`: how the cluster is reached; unset: the service account of the Pod that berth runs in',
  ),
  imagePullSecrets: setting(
    'image_pull_secrets',
    'none',
    names,
    "with `backend=kubernetes`: Secrets with registry logins, in each functions' namespace",
  ),
  defaultRequests: setting(
    'default_requests',
    'none',
    resources,
    'with `backend=kubernetes`: the requests of a function that has neither a request nor a limit of that resource',
  ),
  defaultLimits: setting(
    'default_limits',
    'none',
    resources,
    'with `backend=kubernetes`: the limits of a function that has neither a request nor a limit of that resource',
  ),
  defaultProbes: setting(
    'default_probes',
    'none',
    probes,
    'with `backend=kubernetes`: what holds where the annotations `com.openfaas.ready.http.*` and `com.openfaas.health.http.*` say nothing',
  ),
};

interface ClusterConfig extends Pick<FaaSConfig, 'defaultNamespace'> {
  kubeconfig?: string;
  imagePullSecrets: string[];
  pullPolicy?: PullPolicy;
  startTimeoutMs: number;
  defaultRequests: Record<string, string>;
  defaultLimits: Record<string, string>;
  defaultProbes: Record<string, string>;
}

/** Returns what the back end on a cluster is opened with. */
export function clusterSettings(config: ClusterConfig) {
  const { kubeconfig, defaultNamespace: functionNamespace, imagePullSecrets, pullPolicy, startTimeoutMs } = config;
  const { defaultRequests: requests, defaultLimits: limits, defaultProbes: annotations } = config;
  const defaults = { requests, limits, annotations };
  return { kubeconfig, functionNamespace, imagePullSecrets, pullPolicy, startTimeoutMs, defaults };
}

function toResources(text: string): Record<string, string> {
  const amounts = Object.fromEntries(pairsOf(text));
  const other = Object.keys(amounts).find((key) => !['memory', 'cpu'].includes(key));
  if (other !== undefined) throw new RangeError(`${other} is not memory or cpu`);
  resourcesOf({ limits: amounts });
  return amounts;
}

/** Reads the ends of annotations, such as `ready.path`, and returns whole ones. */
function toProbes(text: string): Record<string, string> {
  const annotations = Object.fromEntries(
    pairsOf(text).map(([key, value]) => {
      const [probe = '', end = '', ...more] = key.split('.');
      if (!['ready', 'health'].includes(probe) || !probeKeys.includes(end) || more.length > 0)
        throw new RangeError(`${key} is no setting of a probe`);
      return [`com.openfaas.${probe}.http.${end}`, value];
    }),
  );
  checkWorkload({ name: 'default', namespace: 'default', image: 'default', annotations });
  return annotations;
}

function pairsOf(text: string): [key: string, value: string][] {
  if (text === 'none') return [];
  return text.split(',').map((pair) => {
    const [, key = '', value = ''] = /^\s*([^=\s]+)=(\S+)\s*$/.exec(pair) ?? [];
    if (key === '') throw new RangeError(`${pair} is not KEY=VALUE`);
    return [key, value];
  });
}
