import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { Patient } from '../../../../src/cli/doctor/patient.ts';
import { examineDaemonConfig } from '../../../../src/daemon/index.ts';
import type { Environment } from '../../../../src/provider/index.ts';

export interface PatientOptions extends Partial<Patient> {
  /** Files of the host by their paths below its root. */
  files?: Record<string, string>;
  env?: Environment;
}

/** A host that has these files and no others; its daemon is down. */
export async function patientWith(t: ExecutionContext, options: PatientOptions = {}): Promise<Patient> {
  const { files = {}, env = {}, ...more } = options;
  const root = await mkdtemp(join(tmpdir(), 'doctor-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  const { config, problems } = examineDaemonConfig(env);
  return {
    root,
    isRoot: true,
    config,
    configProblems: problems,
    env,
    envFile: join(root, 'berth.env'),
    folder: join(import.meta.dirname, '../../../..'),
    signal: new AbortController().signal,
    service: Promise.resolve({
      keeper: 'systemd',
      isRunning: false,
      state: 'inactive',
      start: 'sudo systemctl restart berth',
    }),
    daemon: Promise.resolve(new Error('berth does not answer')),
    registries: Promise.resolve([]),
    ...more,
  };
}
