import { execFile } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { resolve } from 'node:path/posix';
import { systemPath } from '../../../base/run-program.ts';
import type { Mount } from '../../../containerd/index.ts';
import { capabilitiesAnnotation, grantableCapabilities } from '../../../provider/index.ts';
import { StartError } from '../start-error.ts';
import { findLayeredFile } from './layered-files.ts';
import type { OciProcess } from './oci-spec.ts';

/** By their numbers, see linux/capability.h. */
const names = `
  CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
  NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
  SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE
  MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE
`
  .trim()
  .split(/\s+/);

/** Room for the headers that tar writes before a file. */
const headerBytes = 4096;
const blockBytes = 512;

/** So many programs are remembered; then it begins anew. */
const remembered = 1000;

/** Checks the programs of images, each once: layers never change. */
export class ProgramChecks {
  readonly #passed = new Set<string>();

  /**
   * Resolves where the kernel will start a program of an image, as far as its file's capabilities tell.
   * @param chainId of the image's layers
   * @param mounts the replica's root file system
   * @throws StartError that names the capability, and the annotation
   */
  async check(chainId: string, mounts: Mount[], program: OciProcess): Promise<void> {
    const { args, cwd, env, capabilities } = program;
    const key = JSON.stringify([chainId, args[0], cwd, pathOf(env), capabilities.bounding]);
    if (this.#passed.has(key)) return;
    await checkFileCapabilities(mounts, program);
    if (this.#passed.size >= remembered) this.#passed.clear();
    this.#passed.add(key);
  }
}

/**
 * Refuses a program whose file has a capability in effect that the function is not given: the kernel does not start it
 * then, and says no more than "operation not permitted" (capabilities(7)).
 * @param mounts the replica's root file system
 * @throws StartError that names the capability, and the annotation
 */
async function checkFileCapabilities(mounts: Mount[], process: OciProcess): Promise<void> {
  const program = await findProgram(mounts, process);
  if (!program) return;
  const missing = (await capabilitiesInEffect(program.file)).filter(
    (name) => !process.capabilities.bounding.includes(`CAP_${name}`),
  );
  if (missing.length === 0) return;
  const refused = missing.filter((name) => !grantableCapabilities.includes(name));
  const given = process.capabilities.bounding.map((name) => name.replace('CAP_', ''));
  const advice =
    refused.length > 0
      ? `no function may have ${refused.join(', ')}: run setcap -r on it in the image`
      : `set the annotation ${capabilitiesAnnotation} to ${[...given, ...missing].join(',')}`;
  const problem = `the file of the image's program ${program.path} has capabilities that the function has not`;
  throw new StartError('invalid', `${problem} (${missing.join(', ')}), so the kernel will not start it: ${advice}`);
}

/** Finds the file of a process's program as the runtime does, by PATH where it is a bare name. */
async function findProgram(mounts: Mount[], { args, cwd, env }: OciProcess) {
  const [program = ''] = args;
  for (const folder of program.includes('/') ? [''] : pathOf(env).split(':')) {
    const candidate = resolve(cwd, folder, program);
    const file = await findLayeredFile(mounts, candidate);
    if (file) return { path: candidate, file };
  }
  return undefined;
}

function pathOf(env: string[]): string {
  return env.findLast((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
}

/** Lists the capabilities, without CAP_, that a file gives to, and demands for, the process that it becomes. */
async function capabilitiesInEffect(file: string): Promise<string[]> {
  const header = await tarHeader(file);
  const key = 'SCHILY.xattr.security.capability=';
  const at = header.indexOf(key);
  if (at < 0 || header.length < at + key.length + 16) return [];
  // struct vfs_cap_data: version and flags, then permitted and inheritable, of the lower and of the upper half.
  const data = header.subarray(at + key.length);
  const isInEffect = (data.readUInt32LE(0) & 1) === 1;
  const permitted = BigInt(data.readUInt32LE(4)) | (BigInt(data.readUInt32LE(12)) << 32n);
  return isInEffect ? names.filter((_, bit) => (permitted >> BigInt(bit)) & 1n) : [];
}

/**
 * Returns the header in which tar keeps a file's attributes; Node reads none itself. Empty where there are none, or no tar
 * of GNU: then the function's own log has to tell.
 */
async function tarHeader(file: string): Promise<Buffer> {
  const args = [
    '--xattrs',
    '--xattrs-include=security.capability',
    '-cf',
    '-',
    '-C',
    dirname(file),
    '--',
    basename(file),
  ];
  const start = await new Promise<Buffer>((done) => {
    // It is ended as soon as it has written more.
    const options = { encoding: 'buffer', maxBuffer: headerBytes, env: { PATH: systemPath } } as const;
    execFile('tar', args, options, (_, stdout) => done(stdout));
  });
  const isExtended = start.subarray(156, 157).toString() === 'x';
  const size = Number.parseInt(start.subarray(124, 136).toString(), 8);
  return isExtended ? start.subarray(blockBytes, blockBytes + size) : Buffer.alloc(0);
}
