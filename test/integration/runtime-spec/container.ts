import { execFile, type ExecFileException } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  buildSpec,
  hostFeatures,
  type OciSpec,
  type SpecInput,
} from '../../../src/backends/containerd/runtime-spec/index.ts';

const execute = promisify(execFile);

export interface RunResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  deployment?: Partial<SpecInput['deployment']>;
  input?: Partial<Omit<SpecInput, 'deployment'>>;
  /** Files of a secrets folder owned by the function's user. */
  secrets?: Record<string, string>;
  /** What a test takes from or adds to the finished spec, for its control. */
  adjust?: (spec: OciSpec) => OciSpec;
}

/** Runs a shell script as a function in a real container: busybox as the image, runc as the runtime, a netns of its own. */
export async function runAsFunction(script: string, options: RunOptions = {}): Promise<RunResult> {
  const id = `berth-spec-${randomBytes(6).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'berth-spec-'));
  await execute('ip', ['netns', 'add', id]);
  try {
    const spec = buildSpec(await specInput(id, folder, script, options));
    await makeBundle(folder, options.adjust?.(spec) ?? spec);
    return await run('runc', ['--root', join(folder, 'state'), 'run', '--bundle', folder, id]);
  } finally {
    await execute('runc', ['--root', join(folder, 'state'), 'delete', '--force', id]);
    await execute('ip', ['netns', 'delete', id]);
    await rm(folder, { recursive: true });
  }
}

async function specInput(id: string, folder: string, script: string, options: RunOptions): Promise<SpecInput> {
  const hostFiles = { resolvConf: join(folder, 'resolv.conf'), hosts: join(folder, 'hosts') };
  await writeFile(hostFiles.resolvConf, 'nameserver 192.0.2.1\n');
  await writeFile(hostFiles.hosts, '127.0.0.1 localhost\n192.0.2.2 gateway\n');
  const user = options.input?.user ?? { uid: 0, gid: 0, additionalGids: [0] };
  return {
    deployment: { name: 'figlet', namespace: 'openfaas-fn', image: 'busybox', ...options.deployment },
    replicaId: id,
    namespace: 'openfaas-fn',
    imageConfig: { Entrypoint: ['/bin/sh', '-c'], Cmd: [script] },
    user,
    netnsPath: `/run/netns/${id}`,
    hostFiles,
    resources: {},
    host: await hostFeatures(),
    cgroupsPath: `/${id}`,
    ...(options.secrets && { secretsDir: await makeSecrets(folder, options.secrets, user) }),
    ...options.input,
  };
}

async function makeSecrets(folder: string, secrets: Record<string, string>, user: SpecInput['user']): Promise<string> {
  const secretsDir = join(folder, 'secrets');
  await mkdir(secretsDir);
  for (const [name, value] of Object.entries(secrets)) {
    await writeFile(join(secretsDir, name), value, { mode: 0o400 });
  }
  await execute('chown', ['-R', `${user.uid}:${user.gid}`, secretsDir]);
  return secretsDir;
}

async function makeBundle(folder: string, spec: OciSpec): Promise<void> {
  const bin = join(folder, 'rootfs/bin');
  await mkdir(bin, { recursive: true });
  await copyFile('/bin/busybox', join(bin, 'busybox'));
  const { stdout } = await execute('busybox', ['--list']);
  for (const applet of stdout
    .trim()
    .split('\n')
    .filter((name) => name !== 'busybox')) {
    await symlink('busybox', join(bin, applet));
  }
  await chmod(join(folder, 'rootfs'), 0o755);
  await mkdir(join(folder, 'rootfs/tmp'));
  await chmod(join(folder, 'rootfs/tmp'), 0o1777);
  await writeFile(join(folder, 'config.json'), JSON.stringify(spec));
}

async function run(command: string, args: string[]): Promise<RunResult> {
  try {
    return { exitCode: 0, ...(await execute(command, args)) };
  } catch (error) {
    if (!hasOutput(error)) throw error;
    return { exitCode: error.code, stdout: error.stdout, stderr: error.stderr };
  }
}

/** execFile rejects with what the command wrote once it has run; a command that did not start has no exit code. */
function hasOutput(error: unknown): error is ExecFileException & RunResult & { code: number } {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}
