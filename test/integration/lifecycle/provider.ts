import { appendFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Timing } from '../../../src/backends/containerd/index.ts';
import { createLog } from '../../../src/base/log.ts';
import { openContainerd, readDaemonConfig } from '../../../src/daemon/index.ts';
import type { Provider } from '../../../src/provider/index.ts';
import type { TestContainerd } from '../../helpers/containerd.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';

export interface TestProvider extends AsyncDisposable {
  readonly provider: Provider;
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
  const config = readDaemonConfig({
    containerd_address: host.address,
    data_dir: join(folder, 'data'),
    run_dir: join(folder, 'run'),
    log_dir: join(folder, 'log'),
    hosts_dir: join(folder, 'certs.d'),
    docker_config: join(folder, 'docker-config.json'),
    subnet,
    // What is kept ready would look like what was left behind.
    networks_ready: '0',
  });
  const version = { release: 'test', sha: '', commit_message: '' };
  const backEnd = await openContainerd({ config, env: {}, version, timing, log });
  await backEnd.start();
  await until(() => backEnd.ready, { message: 'the provider' });
  return {
    provider: backEnd.provider,
    folder,
    log: () => readFile(logPath, 'utf8'),
    async [Symbol.asyncDispose]() {
      await backEnd.stop();
      // Steps that were under way may still have something to say.
      stopped = true;
      // Its last log lines may still be on their way.
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
      await run('/usr/sbin/nft', ['delete', 'table', 'inet', 'berth']).catch(() => {});
      await run('ip', ['link', 'delete', 'openfaas0']).catch(() => {});
    },
  };
}
