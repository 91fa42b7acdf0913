import type { KubernetesClient } from './kubernetes-client.ts';
import { KubernetesError } from './kubernetes-error.ts';
import { replyLines } from './reply-lines.ts';

export interface PodLogOptions {
  container: string;
  follow?: boolean;
  /** Only lines of this moment and later, in whole seconds. */
  since?: Date;
  tail?: number;
}

/**
 * Reads a Pod's log, each line with its stamp before it. Not by the client's Log: that leaves a stream that breaks without a
 * listener, which would end the process.
 * @throws KubernetesError when there is none, or when it breaks
 */
export async function* readPodLog(
  client: KubernetesClient,
  of: PodLogOptions & { name: string; namespace: string },
  signal: AbortSignal,
): AsyncGenerator<string> {
  const request = `read the log of pod ${of.name}`;
  const path = `/api/v1/namespaces/${of.namespace}/pods/${of.name}/log?${queryOf(of)}`;
  const reply = await client.get(path, signal).catch((error: unknown) => {
    throw KubernetesError.of(request, error);
  });
  try {
    for await (const line of replyLines(request, reply)) yield line.endsWith('\r') ? line.slice(0, -1) : line;
  } catch (error) {
    throw KubernetesError.of(request, error);
  }
}

function queryOf({ container, follow = false, since, tail }: PodLogOptions): string {
  const query = new URLSearchParams({ container, follow: String(follow), timestamps: 'true' });
  if (since) query.set('sinceTime', since.toISOString());
  if (tail !== undefined) query.set('tailLines', String(tail));
  return query.toString();
}
