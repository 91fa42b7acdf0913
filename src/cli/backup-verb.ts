import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { absentAs } from '../base/absent-file.ts';
import { writeDurably } from '../base/durable-file.ts';
import { readDaemonConfig, readVersion } from '../daemon/index.ts';
import { packBackup } from './backup/backup-archive.ts';
import { countsOf } from './backup/counts.ts';
import { readHost } from './backup/read-host.ts';
import { hostPlaces } from './backup/host-places.ts';
import { readPassphrase } from './backup/passphrase.ts';
import { seal } from './backup/sealed.ts';
import { serviceFileOf } from './service-environment.ts';
import { UsageError, type Verb } from './verb.ts';

const usage = `FILE [--encrypt | --passphrase-file PASSPHRASE] [--json]

Writes functions with their versions and digests, namespaces, secrets and settings to one file, which only root can read.
berth may run meanwhile. The file is a tar.gz; restore it on this host or another with berth restore.

  --encrypt               ask for a passphrase, and encrypt the file with it
  --passphrase-file FILE  encrypt it with the first line of this file
  --json                  print one object: file, bytes, functions, namespaces, secrets

An encrypted file is opened by hand with
  openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -in FILE | tar -tzv`;

const options = {
  encrypt: { type: 'boolean' },
  'passphrase-file': { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const backupVerb: Verb = {
  name: 'backup',
  summary: 'write functions, namespaces, secrets and settings to one file',
  usage,
  async run(args, cli) {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const [named = '', ...more] = positionals;
    if (named === '' || more.length > 0) throw new UsageError('name one file');
    const file = path.resolve(named);
    const there = await stat(file).catch(absentAs(undefined));
    // The backup takes the place of what is there: of /dev/null, say, for the whole host.
    if (there && !there.isFile()) throw new UsageError(`${file} is a folder or a device: name a file`);
    const keyFile = values['passphrase-file'];
    const passphrase = values.encrypt || keyFile !== undefined ? await readPassphrase(keyFile, cli, true) : undefined;
    const files = await readHost(hostPlaces(readDaemonConfig(cli.env), serviceFileOf(cli.env)));
    const { release } = await readVersion(cli.folder);
    const about = { format: 'berth-backup', schema: 1, release, createdAt: new Date().toISOString() } as const;
    const packed = await packBackup({ about: { ...about, host: hostname(), arch: process.arch }, files });
    const content = passphrase === undefined ? packed : await seal(packed, passphrase);
    await writeDurably(file, content, { mode: 0o600 });
    const counts = countsOf(files);
    const { functions, secrets, namespaces } = counts;
    const said = `${functions} functions, ${namespaces} namespaces, ${secrets} secrets and the settings are in ${file}\n`;
    cli.stdout.write(values.json ? `${JSON.stringify({ file, bytes: content.length, ...counts })}\n` : said);
    return 0;
  },
};
