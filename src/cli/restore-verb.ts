import { open } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { parseArgs, parseEnv } from 'node:util';
import { createLog } from '../base/log.ts';
import { DataLock, readDaemonConfig, type Config } from '../daemon/index.ts';
import { unpackBackup, type Backup } from './backup/backup-archive.ts';
import { countsOf } from './backup/counts.ts';
import { readHost } from './backup/read-host.ts';
import { hostPlaces, type HostPlace } from './backup/host-places.ts';
import { readPassphrase } from './backup/passphrase.ts';
import type { RestoredFile } from './backup/plan-restore.ts';
import { isSealed, unseal } from './backup/sealed.ts';
import { writeRestored } from './backup/write-restored.ts';
import { serviceFileOf } from './service-environment.ts';
import { serviceState } from './service-state.ts';
import { whileStopped } from './while-stopped.ts';
import { UsageError, type Cli, type Verb } from './verb.ts';

const usage = `FILE [--force] [--dry-run] [--host-settings] [--passphrase-file PASSPHRASE] [--json]
berth restore FILE --backend kubernetes [--force] [--dry-run] [--passphrase-file PASSPHRASE] [--json]

Brings back what berth backup wrote: functions, namespaces, secrets and settings, the password of the API among them. On a
host that has functions or secrets already, nothing of it is replaced without --force; what the backup does not have stays.
The host keeps its own port, addresses, subnet and paths. The service is stopped for a moment; functions run on.
FILE - is standard input.

With --backend kubernetes it brings namespaces, secrets and functions to a cluster: that of the setting kubeconfig, or the one
that this berth is a Pod of. What cannot be brought is said, with what to do, and the exit code is 1 then; run again, it brings
what is missing. Settings stay, and so do passwords and logins of the host.

  --force                 replace what is there and differs
  --dry-run               say what would be written, and do nothing
  --backend kubernetes    restore to a cluster
  --host-settings         take port, bind, metrics_port, ui_port and subnet of the backup as well
  --passphrase-file FILE  of an encrypted backup: its first line is the passphrase; asked for at the terminal otherwise
  --json                  print one object: functions, namespaces, secrets, and files with their path and change; of a
                          cluster: moved, each with kind, name, namespace, action, error, state and reason, and notes`;

const options = {
  force: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  backend: { type: 'string', default: 'containerd' },
  'host-settings': { type: 'boolean' },
  'passphrase-file': { type: 'string' },
  json: { type: 'boolean' },
} as const;

const backEnds = ['containerd', 'kubernetes'];

const gzipMagic = Buffer.from([0x1f, 0x8b]);

/** What unpacks to what a backup has at most is not larger. */
const mostBytes = 256 * 1024 * 1024;

export const restoreVerb: Verb = {
  name: 'restore',
  summary: 'bring back what a backup has',
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [named = '', ...more] = positionals;
    if (named === '' || more.length > 0) throw new UsageError('name one file');
    const { backend } = values;
    if (!backEnds.includes(backend)) throw new UsageError(`--backend is ${backEnds.join(' or ')}`);
    const isCluster = backend === 'kubernetes';
    if (isCluster && values['host-settings']) throw new UsageError('--host-settings is for hosts, not for clusters');
    const backup = await readBackup(named, values['passphrase-file'], cli);
    const config = readDaemonConfig(cli.env);
    if (isCluster) return toCluster(backup, config, { cli, values });
    const files = await planned(backup, config, { cli, withAddresses: values['host-settings'] ?? false });
    const changes = files.filter(({ change }) => change !== 'same');
    const own = files.filter(({ change }) => change === 'own');
    if (values['dry-run']) return tell(files, { cli, isJson: values.json, said: 'would be restored' });
    if (own.length > 0 && !values.force) {
      for (const { path: file } of own) cli.stderr.write(`would be replaced: ${file}\n`);
      throw new Error('nothing was restored, as this host has its own: --force replaces it');
    }
    if (changes.length > 0) await restore(changes, config, cli);
    return tell(files, { cli, isJson: values.json, said: 'are restored' });
  },
};

async function readBackup(named: string, keyFile: string | undefined, cli: Cli): Promise<Backup> {
  const file = named === '-' ? 'standard input' : path.resolve(named);
  try {
    const content = named === '-' ? await readInput(cli.stdin) : await readWhole(file);
    if (!isSealed(content)) return await unpackBackup(content);
    const unsealed = await unseal(content, await readPassphrase(keyFile, cli));
    // One wrong passphrase of 256 opens it, to nothing that was in it.
    if (!unsealed.subarray(0, 2).equals(gzipMagic)) throw new Error('the passphrase is wrong, or it is damaged');
    return await unpackBackup(unsealed);
  } catch (cause) {
    throw new Error(`nothing was restored: ${file}`, { cause });
  }
}

async function readWhole(file: string): Promise<Buffer> {
  await using opened = await open(file);
  const { size } = await opened.stat();
  if (size > mostBytes) throw new Error(`it has ${size} bytes, more than a backup has`);
  return opened.readFile();
}

async function readInput(stdin: Readable): Promise<Buffer> {
  if ('isTTY' in stdin && stdin.isTTY) throw new Error('it is a terminal: give the backup with <FILE');
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of stdin as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    if (size > mostBytes) throw new Error(`it has more than ${mostBytes} bytes, more than a backup has`);
  }
  return Buffer.concat(parts);
}

interface ToClusterOptions {
  cli: Cli;
  values: { force?: boolean; 'dry-run'?: boolean; json?: boolean };
}

async function toCluster(backup: Backup, config: Config, { cli, values }: ToClusterOptions): Promise<number> {
  const { restoreToCluster } = await import('./backup/restore-to-cluster.ts');
  const { force = false, 'dry-run': isDry = false, json: isJson = false } = values;
  return restoreToCluster(backup, { config, places: placesOf(backup, config, cli), force, isDry, isJson, cli });
}

/** Returns where files of a backup are, with the certificate where either this host or the backup has one. */
function placesOf(backup: Backup, config: Config, { env }: Cli): HostPlace[] {
  const settings = backup.files.find(({ name }) => name === 'settings/berth.env')?.content.toString() ?? '';
  const { tls_cert: cert, tls_key: key } = parseEnv(settings);
  const { tlsCert = cert, tlsKey = key } = config;
  return hostPlaces({ ...config, tlsCert, tlsKey }, serviceFileOf(env));
}

interface PlannedOptions {
  cli: Cli;
  withAddresses: boolean;
}

async function planned(
  backup: Backup,
  config: Config,
  { cli, withAddresses }: PlannedOptions,
): Promise<RestoredFile[]> {
  // With all that it takes to read a record, which no other verb does.
  const { planRestore } = await import('./backup/plan-restore.ts');
  const places = placesOf(backup, config, cli);
  if (backup.about.arch !== process.arch) {
    cli.stderr.write(
      `the backup is of ${backup.about.arch}, this host is ${process.arch}: images are looked up by their tags again\n`,
    );
  }
  return planRestore(backup, await readHost(places), places, { arch: process.arch, withAddresses });
}

/** What systemd says of a service that starts or ends, also of one that it starts again and again. */
const onTheWay = ['activating', 'reloading', 'deactivating'];

/** How long a berth that is no service may take to end, where it was asked to. */
const othersMs = 10_000;

async function restore(files: RestoredFile[], { dataDir }: Config, cli: Cli): Promise<void> {
  const { keeper, isRunning, state } = await serviceState(cli.folder);
  const isKept = isRunning || onTheWay.includes(state);
  const log = createLog({ level: 'warn', write: (line) => cli.stderr.write(line) });
  const options = { dataDir, isService: false, waitMs: isKept ? undefined : othersMs, signal: cli.signal, log };
  const write = async () => {
    // One that was stopped may write until it gives the folder up.
    const lock = await DataLock.take(options);
    if (!lock) throw new Error('nothing was restored, as it was interrupted');
    await writeRestored(files).finally(() => lock.release());
  };
  await whileStopped(write, isKept ? keeper : undefined, cli);
}

interface TellOptions {
  cli: Cli;
  isJson?: boolean;
  said: string;
}

function tell(files: RestoredFile[], { cli, isJson = false, said }: TellOptions): number {
  const counts = countsOf(files);
  const listed = files.map(({ path: file, change }) => ({
    path: file,
    change: change === 'own' ? 'replaced' : change,
  }));
  if (isJson) cli.stdout.write(`${JSON.stringify({ ...counts, files: listed })}\n`);
  else {
    for (const { path: file, change } of listed) if (change === 'replaced') cli.stdout.write(`replaced: ${file}\n`);
    const { functions, namespaces, secrets } = counts;
    cli.stdout.write(`${functions} functions, ${namespaces} namespaces, ${secrets} secrets and the settings ${said}\n`);
  }
  return 0;
}
