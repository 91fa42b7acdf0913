import { createHash, randomBytes } from 'node:crypto';
import { Containerd, isCancelled, type ContainerdEvent, type NamespacedClient } from '../../../src/containerd/index.ts';
import { startContainerd, type TestContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';

export const snapshotter = 'overlayfs';

/** The least that containerd takes for a container's spec. */
export const anySpec = { ociVersion: '1.0.2' };

export interface Setup extends AsyncDisposable {
  readonly daemon: TestContainerd;
  readonly containerd: Containerd;
  /** A containerd namespace that no other test uses. */
  namespace(): NamespacedClient;
  /** Collecting garbage is common to all namespaces, so what a test leaves without an owner is under a lease. */
  leasedNamespace(): Promise<NamespacedClient>;
}

export async function setUp(): Promise<Setup> {
  const daemon = await startContainerd();
  const containerd = new Containerd({ address: daemon.address });
  let counter = 0;
  // Its cgroups are named after it, beside those of another line's suite.
  const suite = randomBytes(4).toString('hex');
  const namespace = () => containerd.namespace(`test-${suite}-${++counter}`);
  return {
    daemon,
    containerd,
    namespace,
    async leasedNamespace() {
      const client = namespace();
      return client.withLease((await client.leases.create()).id);
    },
    async [Symbol.asyncDispose]() {
      containerd.close();
      await daemon.stop();
    },
  };
}

export function randomBlob(size: number): { data: Buffer; digest: string } {
  const data = randomBytes(size);
  return { data, digest: `sha256:${createHash('sha256').update(data).digest('hex')}` };
}

export async function store(client: NamespacedClient, blob: { data: Buffer; digest: string }): Promise<void> {
  const { data, digest } = blob;
  await using writer = await client.content.openWriter({ ref: `ref-${digest}`, total: data.length, expected: digest });
  await writer.write(data);
  await writer.commit();
}

/** Gathers events. containerd does not say when it has begun to send, so probes run until one is seen. */
export async function gatherEvents(
  containerd: Containerd,
  client: NamespacedClient,
  signal: AbortSignal,
): Promise<ContainerdEvent[]> {
  const seen: ContainerdEvent[] = [];
  const subscription = containerd.events.subscribe([`namespace==${client.name}`], { signal });
  void (async () => {
    for await (const event of subscription) seen.push(event);
  })().catch((error: unknown) => {
    if (!isCancelled(error)) throw error;
  });
  await until(async () => {
    await client.containers.create({ id: 'probe', spec: anySpec });
    await client.containers.delete('probe');
    return seen.length > 0;
  });
  return seen;
}
