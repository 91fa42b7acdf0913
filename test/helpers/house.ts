/** A backup of a single host, made by berth's own verb of a data folder that is written here. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FunctionDeployment } from '../../src/provider/index.ts';
import { runVerb } from '../unit/cli/run-verb.ts';

export interface HouseFile {
  [name: string]: string | Buffer;
}

/** A function's file under the data folder, as the back end on containerd writes it. */
export function recordFile(deployment: FunctionDeployment, fields: object = {}): HouseFile {
  const { name, namespace } = deployment;
  const current = { id: 'a1', deployment, imageDigest: 'sha256:1', createdAt: '2026-01-01T00:00:00Z' };
  const record = { schema: 1, current, replicas: 1, asleep: false, ...fields };
  return { [`data/functions/${namespace}/${name}.json`]: JSON.stringify(record) };
}

/** Writes the files and backs them up. */
export async function backedUp(
  files: HouseFile,
): Promise<{ folder: string; file: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'house-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content, { mode: 0o600 });
  }
  const env = {
    berth_env_file: join(folder, 'etc/berth.env'),
    data_dir: join(folder, 'data'),
    secret_mount_path: join(folder, 'etc/auth'),
    docker_config: join(folder, 'etc/docker/config.json'),
    functions_dir: join(folder, 'etc/functions.d'),
    hosts_dir: join(folder, 'certs.d'),
  };
  const file = join(folder, 'house.backup');
  const { code, stderr } = await runVerb(['backup', file], env);
  if (code !== 0) throw new Error(`no backup: ${stderr}`);
  return { folder, file, remove: () => rm(folder, { recursive: true }) };
}
