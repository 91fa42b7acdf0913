import { z } from 'zod';
import { annotationsForCluster, labelsForCluster } from '../../backends/kubernetes/index.ts';
import { parseJson } from '../../base/parse-json.ts';
import { fullName, networkAllowOf, workloadOf, type FunctionDeployment, type FullName } from '../../provider/index.ts';
import { isLoopback, parseReference } from '../../registry/index.ts';
import type { House } from './house.ts';

/** What of this side counts for what is said. */
export interface NotesOptions {
  defaultNamespace: string;
  imagePullSecrets: string[];
  /** As `process.arch` has it. */
  arch: string;
}

const loginsSchema = z.object({
  auths: z.record(z.string(), z.unknown()).nullish(),
  credHelpers: z.record(z.string(), z.unknown()).nullish(),
  credsStore: z.string().nullish(),
});

/** Says what of a house does not come to a cluster, or is otherwise there, each with its reason and what to do. */
export function moveNotes(house: House, options: NotesOptions): string[] {
  return [
    'settings and the password of the API stay: a cluster has them in the Deployment berth and the Secret berth-auth',
    ...settingsNotes(house, options),
    ...versionNotes(house),
    ...imageNotes(house, options),
    ...networkNotes(house),
    ...labelNotes(house),
  ];
}

function settingsNotes({ settings, files, arch }: House, options: NotesOptions): string[] {
  const { function_namespace: before = 'openfaas-fn' } = settings;
  const { defaultNamespace } = options;
  const isOther = before !== '' && before !== defaultNamespace;
  const has = (folder: string) => files.some((name) => name.startsWith(folder));
  return [
    isOther &&
      `the host has the functions that say no namespace in ${before}, and this berth in ${defaultNamespace}: set function_namespace`,
    has('settings/certs.d/') && 'mirrors and certificates of registries (hosts.toml) stay: they are set on each node',
    has('settings/tls/') &&
      'certificate and key of HTTPS stay: an Ingress has its own, or tls_cert and tls_key by a volume',
    arch !== options.arch &&
      `the backup is of ${arch} and this berth runs on ${options.arch}: nodes need images of their own architecture, be they named by tag or digest`,
  ].filter((note) => note !== false);
}

function versionNotes({ functions }: House): string[] {
  const kept = functions.filter(({ isKeptByFile }) => isKeptByFile).map(({ deployment }) => deployment);
  const updating = functions.filter(({ candidateImage }) => candidateImage !== undefined);
  return [
    of(
      kept,
      'become functions of the API: a cluster has no functions_dir, and berth apply deploys their files from now on',
    ),
    of(
      updating.map(({ deployment }) => deployment),
      'come in the version that served: deploy again what was being updated',
    ),
    functions.some(({ hasPrevious }) => hasPrevious) &&
      'the versions before the last updates stay: there is nothing to roll back to at first',
  ].filter((note) => note !== false);
}

function imageNotes({ functions, logins }: House, { imagePullSecrets }: NotesOptions): string[] {
  const deployments = functions.map(({ deployment }) => deployment);
  const hasLogin = loginsOf(logins);
  const needing = deployments.filter(
    (deployment) => workloadOf(deployment).pullSecret === undefined && hasLogin(registryOf(deployment)),
  );
  const registries = [...new Set(needing.map(registryOf))].join(', ');
  const make = `kubectl create secret docker-registry NAME --docker-server=${registries.split(', ')[0]}`;
  return [
    imagePullSecrets.length === 0 &&
      of(
        needing,
        `are pulled with the host's login at ${registries}, which stays: make one in each namespace (${make} …), and name it in the setting image_pull_secrets`,
      ),
    of(
      deployments.filter((deployment) => isLoopback(registryOf(deployment))),
      'have images of a registry on the host itself (127.0.0.1 or localhost): unless each node has it there too, push them to one that nodes reach, and deploy them from there',
    ),
  ].filter((note) => note !== false);
}

function networkNotes({ functions }: House): string[] {
  const deployments = functions.map(({ deployment }) => deployment);
  const hostPorts = deployments.filter((deployment) => targetsOf(deployment).some(({ kind }) => kind === 'host'));
  const callers = deployments.filter(({ envVars = {} }) =>
    Object.values(envVars).some((value) => /\/\/gateway(?:[:/]|$)/.test(value)),
  );
  return [
    of(hostPorts, 'reach ports of the host as host.internal, which a cluster does not have: give them another address'),
    of(
      callers,
      'have http://gateway in their variables: in a cluster the gateway is the Service of berth, http://berth.berth:8080 with its manifest',
    ),
  ].filter((note) => note !== false);
}

function labelNotes({ namespaces }: House): string[] {
  return namespaces.flatMap(({ name, labels, annotations }) => {
    const [kept, keptNotes] = [labelsForCluster(labels), annotationsForCluster(annotations)];
    const lost = [
      ...Object.keys(labels).filter((key) => kept[key] === undefined),
      ...Object.keys(annotations).filter((key) => keptNotes[key] === undefined),
    ];
    if (lost.length === 0) return [];
    return [`namespace ${name} comes without ${lost.join(', ')}: Kubernetes takes no such label or annotation`];
  });
}

/** Writes a sentence of these functions; false where there are none. */
function of(deployments: FunctionDeployment[], what: string): string | false {
  const names: FullName[] = deployments.map(fullName);
  return names.length > 0 && `functions ${names.join(', ')} ${what}`;
}

/** Returns whether the host had a login at a registry. */
function loginsOf(text = ''): (registry: string) => boolean {
  const { data } = loginsSchema.safeParse(parseJson(text));
  if (!data) return () => false;
  const { auths, credHelpers, credsStore } = data;
  const hosts = [...Object.keys(auths ?? {}), ...Object.keys(credHelpers ?? {})].map((key) =>
    key.replace(/^https?:\/\//, '').replace(/\/.*$/, ''),
  );
  // Which registries a store has logins for only its program knows.
  if (credsStore) return (registry) => registry !== '';
  return (registry) => hosts.includes(registry === 'docker.io' ? 'index.docker.io' : registry);
}

/** Returns the host and port of a function's registry; nothing where its image is no reference, as a deploy says. */
function registryOf({ image }: FunctionDeployment): string {
  try {
    return parseReference(image).registry;
  } catch {
    return '';
  }
}

function targetsOf(deployment: FunctionDeployment) {
  try {
    return networkAllowOf(deployment);
  } catch {
    return [];
  }
}
