import { z } from 'zod';
import { monotonicMs } from '../../base/monotonic.ts';
import {
  parseCpu,
  parseMemory,
  type FunctionMeasure,
  type FunctionName,
  type FunctionUsage,
} from '../../provider/index.ts';
import { functionLabel, ownSelector } from './cluster-labels.ts';
import type { FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { notFoundAs } from './kubernetes-error.ts';
import { lastExitOf, restartsOf } from './pod-trouble.ts';

const listSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      containers: z.array(z.object({ usage: z.object({ cpu: z.string(), memory: z.string() }) })),
    }),
  ),
});

/** How long it is not asked again whether anybody measures, in milliseconds. */
const absentMs = 5 * 60_000;
/** How old a measurement may be that is told: the cluster makes one in 15 seconds. */
const freshMs = 10_000;

interface Sample {
  atMs: number;
  byPod: Map<string, FunctionUsage>;
}

/** What Pods use, as far as the cluster's metrics API is there. */
export class PodMetrics {
  readonly #client: KubernetesClient;
  readonly #watch: FunctionWatch;
  readonly #samples = new Map<string, Sample>();
  /** CPU milliseconds that functions have used since the start, by namespace and name. */
  readonly #cpuSeconds = new Map<string, number>();
  #absentUntilMs = -Infinity;

  constructor({ client, watch }: { client: KubernetesClient; watch: FunctionWatch }) {
    this.#client = client;
    this.#watch = watch;
  }

  /** Sums what a function's Pods use; undefined where nobody measures. */
  async usage(fn: FunctionName): Promise<FunctionUsage | undefined> {
    const sample = await this.#sample(fn.namespace);
    return sample && this.#sum(fn, sample);
  }

  /** Returns a measure of each function; where nobody measures it uses nothing. */
  async measure(): Promise<FunctionMeasure[]> {
    const measured = this.#watch.names().map((namespace) => this.#measureNamespace(namespace));
    return (await Promise.all(measured)).flat();
  }

  async #measureNamespace(namespace: string): Promise<FunctionMeasure[]> {
    const sample = await this.#sample(namespace).catch(() => this.#samples.get(namespace));
    return this.#watch.functions(namespace).map(({ versions }) => {
      const { name } = versions.current.deployment;
      const pods = this.#watch.pods({ name, namespace });
      return {
        name,
        namespace,
        cpuSeconds: this.#cpuSeconds.get(`${namespace}/${name}`) ?? 0,
        memoryBytes: sample ? this.#sum({ name, namespace }, sample).totalMemoryBytes : 0,
        restarts: pods.reduce((sum, pod) => sum + restartsOf(pod), 0),
        oomKills: pods.filter((pod) => lastExitOf(pod)?.isOutOfMemory).length,
      };
    });
  }

  async #sample(namespace: string): Promise<Sample | undefined> {
    const now = monotonicMs();
    const before = this.#samples.get(namespace);
    if (before && now - before.atMs < freshMs) return before;
    if (now < this.#absentUntilMs) return undefined;
    const answer = await this.#client.podMetrics(namespace, ownSelector).catch(notFoundAs(undefined));
    if (answer === undefined) {
      this.#absentUntilMs = now + absentMs;
      return undefined;
    }
    const sample = { atMs: now, byPod: readMetrics(answer) };
    this.#samples.set(namespace, sample);
    if (before) this.#addCpu(namespace, sample, (now - before.atMs) / 1000);
    return sample;
  }

  /** The cluster tells how much is used now: over time it makes how much was used. */
  #addCpu(namespace: string, { byPod }: Sample, seconds: number): void {
    const pods = this.#watch.objects(namespace)?.pods;
    for (const [pod, { cpu }] of byPod) {
      const name = pods?.get(pod)?.metadata?.labels?.[functionLabel];
      if (name === undefined) continue;
      const key = `${namespace}/${name}`;
      this.#cpuSeconds.set(key, (this.#cpuSeconds.get(key) ?? 0) + (cpu / 1000) * seconds);
    }
  }

  #sum(fn: FunctionName, { byPod }: Sample): FunctionUsage {
    const used = this.#watch.pods(fn).flatMap(({ metadata }) => byPod.get(metadata?.name ?? '') ?? []);
    return sumOf(used);
  }
}

function sumOf(used: FunctionUsage[]): FunctionUsage {
  return used.reduce(
    (sum, { cpu, totalMemoryBytes }) => ({
      cpu: sum.cpu + cpu,
      totalMemoryBytes: sum.totalMemoryBytes + totalMemoryBytes,
    }),
    { cpu: 0, totalMemoryBytes: 0 },
  );
}

/** Reads a list of PodMetrics: what each Pod uses, by its name. */
export function readMetrics(answer: unknown): Map<string, FunctionUsage> {
  const { success, data } = listSchema.safeParse(answer);
  const usages = (success ? data.items : []).map(({ metadata, containers }): [string, FunctionUsage] => {
    const used = containers.map(({ usage }) => ({
      cpu: parseCpu(usage.cpu),
      totalMemoryBytes: parseMemory(usage.memory),
    }));
    return [metadata.name, sumOf(used)];
  });
  return new Map(usages);
}
