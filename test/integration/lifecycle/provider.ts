import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Containerd } from '../../../src/containerd/index.ts';
import { ContainerdProvider, Images, Network, type Timing } from '../../../src/backends/containerd/index.ts';
import { createLog } from '../../../src/base/log.ts';
import { LogStore } from '../../../src/logs/index.ts';
import { dockerConfigCredentials, hostPlatform, RegistryClient } from '../../../src/registry/index.ts';
import type { TestContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';

export interface TestProvider extends AsyncDisposable {
  readonly provider: ContainerdProvider;
  /** As a daemon's, with `run/ipam` and so on in it. */
  readonly folder: string;
  log(): Promise<string>;
}

export interface TestProviderOptions {
  containerd: TestContainerd;
  timing: Partial<Timing>;
  subnet?: string;
}

/** The provider as the daemon has it, without its API: for tests that need other times than a production daemon's. */
export async function startProvider({ containerd: host, timing, subnet }: TestProviderOptions): Promise<TestProvider> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-'));
  const logPath = join(folder, 'berth.log');
  let stopped = false;
  const write = (line: string) => {
    if (!stopped) appendFileSync(logPath, line);
  };
  const log = createLog({ level: 'debug', write });
  const snapshotter = 'overlayfs';
  const runDir = join(folder, 'run');
  await mkdir(runDir);
  const containerd = new Containerd({ address: host.address });
  const credentials = dockerConfigCredentials({ file: join(folder, 'docker-config.json'), env: {} });
  const registry = new RegistryClient({ credentials, userAgent: 'berth-test', log });
  const conflistPath = join(import.meta.dirname, '../../../cni/10-openfaas.conflist');
  const provider = await ContainerdProvider.open({
    containerd,
    images: new Images({ containerd, registry, snapshotter, platform: hostPlatform(machine()), log }),
    network: await Network.open({ conflistPath, runDir, subnet, gatewayPort: 8080, log }),
    logs: new LogStore({ dir: join(folder, 'log'), log }),
    snapshotter,
    dataDir: join(folder, 'data'),
    runDir,
    defaultNamespace: 'openfaas-fn',
    version: { release: 'test', sha: '', commit_message: '' },
    timing,
    log,
  });
  await provider.start();
  await until(() => provider.ready, { message: 'the provider' });
  return {
    provider,
    folder,
    log: () => readFile(logPath, 'utf8'),
    async [Symbol.asyncDispose]() {
      await provider.stop();
      containerd.close();
      // Steps that were under way may still have something to say.
      stopped = true;
      // Its last log lines may still be on their way.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
      await run('/usr/sbin/nft', ['delete', 'table', 'inet', 'berth']).catch(() => {});
      await run('ip', ['link', 'delete', 'openfaas0']).catch(() => {});
    },
  };
}
