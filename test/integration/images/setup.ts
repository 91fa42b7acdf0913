import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Containerd } from '../../../src/containerd/index.ts';
import { Images } from '../../../src/backends/containerd/images/index.ts';
import { dockerConfigCredentials, hostPlatform, RegistryClient } from '../../../src/registry/index.ts';
import { createLog, silentLog, type Log } from '../../../src/base/log.ts';

export interface ImagesUnderTest {
  images: Images;
  containerd: Containerd;
  /** Docker's config.json of this client; absent until a test writes it. */
  configFile: string;
  close(): Promise<void>;
}

/** The code under test as the daemon wires it, on a containerd of the test's. */
export async function imagesOn(
  address: string,
  { log = silentLog, boot }: { log?: Log; boot?: string } = {},
): Promise<ImagesUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'berth-images-'));
  const configFile = join(folder, 'config.json');
  const containerd = new Containerd({ address });
  const registry = new RegistryClient({
    credentials: dockerConfigCredentials({ file: configFile, env: process.env }),
    userAgent: 'berth-test',
    log,
  });
  const images = new Images({
    containerd,
    registry,
    snapshotter: () => Promise.resolve('overlayfs'),
    platform: hostPlatform(process.arch),
    boot: boot === undefined ? undefined : Promise.resolve(boot),
    log,
  });
  const close = async () => {
    registry.close();
    containerd.close();
    await rm(folder, { recursive: true });
  };
  return { images, containerd, configFile, close };
}

export interface RecordedLog extends Log {
  readonly lines: string[];
}

export function recordedLog(): RecordedLog {
  const lines: string[] = [];
  return Object.assign(createLog({ level: 'debug', write: (line) => lines.push(line) }), { lines });
}
