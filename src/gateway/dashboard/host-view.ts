import os from 'node:os';
import type { PartHealth } from '../../base/part-health.ts';
import type { Provider, VersionInfo } from '../../provider/index.ts';
import { roundedBytes, significant } from './rounded.ts';
import type { HostView } from './wire.ts';

/** What is told of the host itself. */
type Facts = Pick<HostView, 'hostname' | 'versions' | 'cpus' | 'load' | 'memoryBytes' | 'freeMemoryBytes' | 'disks'>;

export interface HostViewOptions {
  provider: Provider;
  /** The port that the API is served at. */
  apiPort: number;
  version: VersionInfo;
  ready: () => boolean;
  /** How each part is; none where it is absent. */
  parts?: () => PartHealth[];
  hasAsyncCalls: boolean;
}

/** Verbs that a back end need not have, as the page knows them. */
const optionalVerbs = [
  'logs',
  'secrets',
  'namespaces',
  'rollBack',
  'restart',
  'replicas',
  'pulls',
  'host',
  'events',
  'measure',
] as const;

/** Tells how the host is, in numbers that are so coarse that they seldom change. */
export async function hostView(options: HostViewOptions): Promise<HostView> {
  const { provider, apiPort, version, ready, parts } = options;
  const { hostname, versions, cpus, load, memoryBytes, freeMemoryBytes, disks } = await factsOf(provider);
  const all = parts?.() ?? [];
  const problems = all.filter(({ healthy }) => !healthy).map(({ name, problem, mend }) => ({ name, problem, mend }));
  return {
    hostname,
    apiPort,
    release: version.release,
    sha: version.sha,
    versions,
    cpus,
    load: load.map((mean) => significant(mean, mean < 1 ? 1 : 2)),
    memoryBytes,
    freeMemoryBytes: roundedBytes(freeMemoryBytes),
    disks: disks.map(({ name, path, bytes, freeBytes }) => ({ name, path, bytes, freeBytes: roundedBytes(freeBytes) })),
    ready: ready(),
    problems,
    partsCount: all.length,
    can: verbsOf(options),
  };
}

function verbsOf({ provider, hasAsyncCalls }: HostViewOptions): string[] {
  const verbs = optionalVerbs.filter((verb) => Reflect.get(provider, verb) !== undefined);
  return [...verbs, ...(hasAsyncCalls ? ['asyncCalls'] : [])];
}

/** The back end's facts; where it has none, those of the host that berth runs on. */
async function factsOf(provider: HostViewOptions['provider']): Promise<Facts> {
  const facts = await provider.host?.().catch(() => undefined);
  return (
    facts ?? {
      hostname: os.hostname(),
      versions: {},
      cpus: os.availableParallelism(),
      load: os.loadavg(),
      memoryBytes: os.totalmem(),
      freeMemoryBytes: os.freemem(),
      disks: [],
    }
  );
}
