import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import pLimit from 'p-limit';
import type { Log } from '../../base/log.ts';
import type { LogMessage, LogRequest } from '../../provider/index.ts';
import type { FunctionWatch } from './function-watch.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { keyOfDate, mergeLines, parsePodLine, type PodLine } from './pod-log-lines.ts';
import { nameOf } from './object-store.ts';
import { readPodLog } from './pod-log-reader.ts';
import { functionContainer } from './pod-template.ts';

/** How many Pods are asked at once: each holds a connection to its node. */
const readAtOnce = 8;
/** How many Pods one reader follows. */
const mostFollowed = 64;
const reopenMs = 1000;

interface InstanceLine extends PodLine {
  instance: string;
}

export interface ClusterLogsOptions {
  client: KubernetesClient;
  watch: FunctionWatch;
  log: Log;
}

/** The logs of functions, which their nodes keep: of all Pods of a function, merged by their stamps. */
export class ClusterLogs {
  readonly #parts: ClusterLogsOptions;

  constructor(parts: ClusterLogsOptions) {
    this.#parts = parts;
  }

  /** @throws FunctionNotFoundError before the first line, when there is no such function */
  query(request: LogRequest, signal: AbortSignal): Promise<AsyncIterable<LogMessage>> {
    return Promise.try(() => {
      this.#parts.watch.get(request);
      return this.#lines(request, signal);
    });
  }

  async *#lines(request: LogRequest, signal: AbortSignal): AsyncGenerator<LogMessage> {
    const kept = await this.#kept(request, signal);
    const last = new Map<string, string>();
    for (const line of kept) {
      last.set(line.instance, line.key);
      yield messageOf(request, line);
    }
    if (!request.follow || signal.aborted) return;
    for await (const line of this.#follow(request, last, signal)) yield messageOf(request, line);
  }

  async #kept(request: LogRequest, signal: AbortSignal): Promise<InstanceLine[]> {
    const { since, tail } = request;
    const limit = pLimit(readAtOnce);
    const logs = this.#podsOf(request).map((pod) => limit(() => this.#keptOf(pod, { since, tail }, signal)));
    return mergeLines(await Promise.all(logs), tail);
  }

  async #keptOf(pod: V1Pod, options: { since?: Date; tail?: number }, signal: AbortSignal): Promise<InstanceLine[]> {
    const lines: InstanceLine[] = [];
    try {
      for await (const line of this.#read(pod, options, signal)) lines.push(line);
    } catch (error) {
      if (signal.aborted || !isWithoutLog(error)) throw error;
    }
    return lines;
  }

  async *#read(
    pod: V1Pod,
    options: { since?: Date; tail?: number; follow?: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<InstanceLine> {
    const instance = nameOf(pod);
    const of = { ...options, name: instance, namespace: pod.metadata?.namespace ?? '', container: functionContainer };
    const after = options.since && keyOfDate(options.since);
    for await (const text of readPodLog(this.#parts.client, of, signal)) {
      const line = parsePodLine(text);
      // The cluster counts whole seconds.
      if (line && (after === undefined || line.key > after)) yield { ...line, instance };
    }
  }

  /** Follows each Pod that there is, and that comes, until the function is gone or the signal aborts. */
  async *#follow(request: LogRequest, last: Map<string, string>, signal: AbortSignal): AsyncGenerator<InstanceLine> {
    const { watch, log } = this.#parts;
    const out = new PassThrough({ objectMode: true });
    const ending = new AbortController();
    const ended = AbortSignal.any([signal, ending.signal]);
    const followed = new Set<string>();
    const look = () => {
      if (!watch.find(request)) out.end();
      for (const pod of this.#podsOf(request)) {
        const id = nameOf(pod);
        if (followed.has(id)) continue;
        if (followed.size === mostFollowed)
          log.warn('a reader of logs follows no more Pods', { pod: id, mostFollowed });
        followed.add(id);
        if (followed.size > mostFollowed) continue;
        void this.#followPod(pod, { out, since: last.get(id) ?? '' }, ended).finally(() => followed.delete(id));
      }
    };
    const { pods, deployments } = watch.require(request.namespace);
    const stops = [pods, deployments].map((store) =>
      store.onChange(({ group }) => {
        if (group === request.name) look();
      }),
    );
    const abort = () => out.end();
    signal.addEventListener('abort', abort, { once: true });
    look();
    try {
      yield* out as AsyncIterable<InstanceLine>;
    } finally {
      signal.removeEventListener('abort', abort);
      for (const stop of stops) stop();
      ending.abort();
    }
  }

  /** Reads on while the Pod is there: a log ends with its container, and goes on with the next one. */
  async #followPod(
    pod: V1Pod,
    { out, since }: { out: PassThrough; since: string },
    signal: AbortSignal,
  ): Promise<void> {
    const pods = this.#parts.watch.objects(pod.metadata?.namespace ?? '')?.pods;
    let last = since;
    while (!signal.aborted && pods?.get(nameOf(pod))) {
      try {
        const options = { follow: true, since: last === '' ? undefined : new Date(`${last.slice(0, 23)}Z`) };
        for await (const line of this.#read(pod, options, signal)) {
          if (line.key <= last) continue;
          last = line.key;
          if (out.writableEnded) return;
          if (!out.write(line)) await once(out, 'drain', { signal });
        }
      } catch (error) {
        if (!signal.aborted) this.#parts.log.debug('a log is read anew', { pod: nameOf(pod), error });
      }
      await sleep(reopenMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  #podsOf({ name, namespace, instance }: LogRequest): V1Pod[] {
    const pods = this.#parts.watch.pods({ name, namespace });
    return instance === undefined ? pods : pods.filter((pod) => nameOf(pod) === instance);
  }
}

/** Whether a Pod has nothing to read: its container has not begun, or it is gone. */
function isWithoutLog(error: unknown): boolean {
  return error instanceof KubernetesError && (error.code === 400 || error.code === 404);
}

function messageOf({ name, namespace }: LogRequest, { instance, timestamp, text }: InstanceLine): LogMessage {
  return { name, namespace, instance, timestamp, text };
}
