import type { FunctionDeployment, FunctionResources } from '../../../provider/index.ts';
import { knownSetting, type KnownSetting } from './known-settings.ts';
import { shellWord } from './texts.ts';

export interface Pair {
  key: string;
  value: string;
}

/** A deployment while it is written: what is not set is empty. */
export interface Draft {
  namespace: string;
  name: string;
  image: string;
  process: string;
  env: Pair[];
  secrets: string[];
  memoryLimit: string;
  cpuLimit: string;
  memoryRequest: string;
  cpuRequest: string;
  readOnly: boolean;
  /** Labels and annotations that berth knows, by their names. */
  settings: Record<string, string>;
  labels: Pair[];
  annotations: Pair[];
  /** What the form has no field for, and leaves as it was. */
  kept: Pick<FunctionDeployment, 'constraints' | 'limits' | 'requests'>;
}

const topicOfCron = 'cron-function';

/** Returns the draft that a function was deployed by, as its status has it. */
export function draftOf(fn: FunctionDeployment): Draft {
  const { namespace, name, image, envProcess = '', envVars, secrets = [], constraints, limits, requests } = fn;
  const settings: Draft['settings'] = {};
  const others = (kind: KnownSetting['kind']): Pair[] =>
    pairsOf(fn[kind]).filter(({ key, value }) => {
      // An empty one may mean something, which an empty field does not.
      const isKnown = value !== '' && knownSetting(key, kind) !== undefined;
      if (isKnown) settings[key] = value;
      return !isKnown && !isOurs(key, value, name);
    });
  return {
    ...{ namespace, name, image, process: envProcess, env: pairsOf(envVars), secrets },
    ...{ memoryLimit: limits?.memory ?? '', cpuLimit: limits?.cpu ?? '' },
    ...{ memoryRequest: requests?.memory ?? '', cpuRequest: requests?.cpu ?? '' },
    readOnly: fn.readOnlyRootFilesystem ?? false,
    labels: others('labels'),
    annotations: others('annotations'),
    settings,
    kept: { constraints, limits, requests },
  };
}

/** Returns the draft with another image. A name that nobody has written is the image's. */
export function withImage(draft: Draft, image: string): Draft {
  return { ...draft, image, name: draft.name === nameFrom(draft.image) ? nameFrom(image) : draft.name };
}

/** Returns what a function of an image may be called: `ghcr.io/me/Hello_World:1` becomes `hello-world`. */
function nameFrom(image: string): string {
  const [, last = ''] = /([^/:@]*)(?::[^/]*)?(?:@[^/]*)?$/.exec(image.trim()) ?? [];
  const label = last.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return label.slice(0, 63).replaceAll(/^-|-$/g, '');
}

/** Whether berth puts it into a status by itself. */
function isOurs(key: string, value: string, name: string): boolean {
  return key === 'com.openfaas.berth.status' || (key === 'faas_function' && value === name);
}

/** Returns the draft as a deployment, without what is empty. */
export function deploymentFrom(draft: Draft): FunctionDeployment {
  const { namespace, name, image, process, secrets, kept } = draft;
  const annotations = mapOf(draft, 'annotations');
  if (annotations.schedule !== undefined) annotations.topic = withCron(annotations.topic);
  return {
    ...{ name: name.trim(), namespace, image: image.trim(), envProcess: process.trim() || undefined },
    envVars: unlessEmpty(Object.fromEntries(entriesOf(draft.env))),
    secrets: secrets.length > 0 ? secrets : undefined,
    constraints: kept.constraints,
    labels: mapOf(draft, 'labels'),
    annotations,
    limits: resourcesFrom(kept.limits, draft.memoryLimit, draft.cpuLimit),
    requests: resourcesFrom(kept.requests, draft.memoryRequest, draft.cpuRequest),
    readOnlyRootFilesystem: draft.readOnly || undefined,
  };
}

function mapOf(draft: Draft, kind: KnownSetting['kind']): Record<string, string> {
  const known = Object.entries(draft.settings).filter(([name, value]) => value !== '' && knownSetting(name, kind));
  return Object.fromEntries([...entriesOf(draft[kind]), ...known]);
}

function withCron(topic = ''): string {
  const topics = topic.split(',').filter((each) => each.trim() !== '');
  return topics.some((each) => each.trim() === topicOfCron) ? topic : [...topics, topicOfCron].join(',');
}

function resourcesFrom(kept: FunctionResources = {}, memory: string, cpu: string): FunctionResources | undefined {
  const all = { ...kept, memory: memory.trim(), cpu: cpu.trim() };
  return unlessEmpty(Object.fromEntries(Object.entries(all).filter(([, value]) => value)));
}

function pairsOf(map: Record<string, string> = {}): Pair[] {
  return Object.entries(map).map(([key, value]) => ({ key, value }));
}

function entriesOf(pairs: Pair[]): [string, string][] {
  return pairs.filter(({ key }) => key.trim() !== '').map(({ key, value }) => [key.trim(), value]);
}

function unlessEmpty<T extends object>(map: T): T | undefined {
  return Object.keys(map).length > 0 ? map : undefined;
}

/** Returns the line by which faas-cli deploys the same. */
export function deployCommand(fn: FunctionDeployment): string {
  const flags = (flag: string, map: object = {}) =>
    Object.entries(map).map(([key, value]) => `${flag} ${shellWord(`${key}=${value}`)}`);
  const flag = (name: string, value: string | undefined) => (value ? [`${name} ${shellWord(value)}`] : []);
  return [
    `faas-cli deploy --image ${shellWord(fn.image)} --name ${shellWord(fn.name)}`,
    ...flag('--namespace', fn.namespace),
    ...flag('--fprocess', fn.envProcess),
    ...flags('--env', fn.envVars),
    ...(fn.secrets ?? []).flatMap((secret) => flag('--secret', secret)),
    ...(fn.constraints ?? []).flatMap((constraint) => flag('--constraint', constraint)),
    ...flags('--label', fn.labels),
    ...flags('--annotation', fn.annotations),
    ...flag('--memory-limit', fn.limits?.memory),
    ...flag('--cpu-limit', fn.limits?.cpu),
    ...flag('--memory-request', fn.requests?.memory),
    ...flag('--cpu-request', fn.requests?.cpu),
    ...(fn.readOnlyRootFilesystem ? ['--readonly'] : []),
  ].join(' ');
}

const fields = new Map([
  ['service', 'name'],
  ['namespace', 'namespace'],
  ['image', 'image'],
  ['registry', 'image'],
  ['envVars', 'env'],
  ['secret', 'secrets'],
  ['secrets', 'secrets'],
  ['labels', 'labels'],
  ['annotations', 'annotations'],
  ['limits.memory', 'memoryLimit'],
  ['limits.cpu', 'cpuLimit'],
  ['requests.memory', 'memoryRequest'],
  ['requests.cpu', 'cpuRequest'],
]);

/** Returns the field of the form, or the setting, that berth complains of; empty where its words name none. */
export function fieldOf(message: string): string {
  const [, word = ''] = /^(?:label |annotation )?([\w./-]+)/.exec(message) ?? [];
  return fields.get(word) ?? knownSetting(word)?.name ?? '';
}
