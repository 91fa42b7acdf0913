import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import test from 'ava';
import { packBackup, unpackBackup, type Backup } from '../../../../src/cli/backup/backup-archive.ts';
import { mergeSettings } from '../../../../src/cli/backup/merge-settings.ts';
import { isSealed, seal, unseal } from '../../../../src/cli/backup/sealed.ts';
import { readTar, writeTar } from '../../../../src/cli/backup/tar-archive.ts';
import { run } from '../../../helpers/processes.ts';

const about: Backup['about'] = {
  format: 'berth-backup',
  schema: 1,
  release: '1.0.0',
  createdAt: '2026-01-01T00:00:00Z',
  host: 'pi',
  arch: 'arm64',
};
const files: Backup['files'] = [
  { name: `data/secrets/openfaas-fn/${'s'.repeat(200)}`, mode: 0o600, content: Buffer.from([0, 255, 10, 13]) },
  { name: 'data/secrets/openfaas-fn/empty', mode: 0o600, content: Buffer.alloc(0) },
  { name: 'settings/functions.d/ä b.yml', mode: 0o644, content: Buffer.from('x'.repeat(512)) },
];

test('an archive is read back as it was, by berth and by tar', async (t) => {
  const archive = writeTar(files);
  t.deepEqual(readTar(archive), files);
  const folder = await mkdtemp(join(tmpdir(), 'tar-'));
  try {
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
    for (const { name, content } of files) t.deepEqual(await readFile(join(folder, name)), content);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('what is cut off, damaged, or has something else than files is refused', (t) => {
  const archive = writeTar(files);
  for (const length of [0, 100, 512, 700, 1500, archive.length - 1024]) {
    t.throws(() => readTar(archive.subarray(0, length)), { message: /^it is (cut off|damaged)$/ });
  }
  const link = Buffer.from(
    execFileSync('sh', ['-c', 'd=$(mktemp -d) && ln -s /etc/passwd "$d/a" && tar -cC "$d" a; rm -r "$d"']),
  );
  t.throws(() => readTar(link), { message: /something else than plain files/ });
  const damaged = Buffer.from(archive);
  damaged[110] = 0x39;
  t.throws(() => readTar(damaged), { message: /damaged/ });
});

test('a backup is read back with what it says of itself', async (t) => {
  t.deepEqual(await unpackBackup(await packBackup({ about, files })), { about, files });
});

test('a backup that is not whole, or not what it was, is refused', async (t) => {
  const packed = await packBackup({ about, files });
  await t.throwsAsync(unpackBackup(packed.subarray(0, packed.length / 2)), { message: /no backup, or cut off/ });
  await t.throwsAsync(unpackBackup(Buffer.from('hello')), { message: /no backup/ });
  await t.throwsAsync(unpackBackup(gzipSync(writeTar(files))), { message: /no backup: berth-backup\.json is not/ });
  const [manifest, ...rest] = readTar(gunzipSync(packed));
  if (!manifest) return t.fail();
  const repacked = (of: typeof files) => unpackBackup(gzipSync(writeTar(of)));
  const isAnother = { message: /its files are not those/ };
  await t.throwsAsync(repacked([manifest, ...rest.slice(1)]), isAnother);
  await t.throwsAsync(
    repacked([manifest, ...rest, { name: 'more', mode: 0o600, content: Buffer.alloc(0) }]),
    isAnother,
  );
  await t.throwsAsync(repacked([manifest, ...rest, ...rest.slice(0, 1)]), isAnother);
  const other = rest.map((file) => ({ ...file, content: Buffer.from('other') }));
  await t.throwsAsync(repacked([manifest, ...other]), isAnother);
  const newer = {
    ...manifest,
    content: Buffer.from(manifest.content.toString().replace('"schema": 1', '"schema": 2')),
  };
  await t.throwsAsync(repacked([newer, ...rest]), { message: /made by berth 1\.0\.0, which is newer/ });
});

test('what unpacks to more than any backup is refused before it fills the memory', async (t) => {
  const mebibyte = gzipSync(Buffer.alloc(1024 * 1024));
  const bomb = Buffer.concat(Array<Buffer>(300).fill(mebibyte));
  t.true(bomb.length < 1024 * 1024);
  await t.throwsAsync(unpackBackup(bomb), { message: /unpacks to more than/ });
});

test('a sealed file is opened by openssl, and only with its passphrase', async (t) => {
  const content = Buffer.from('some words');
  const sealed = await seal(content, 'päss phrase');
  t.true(isSealed(sealed));
  t.false(isSealed(content));
  const folder = await mkdtemp(join(tmpdir(), 'seal-'));
  try {
    await writeFile(join(folder, 'key'), 'päss phrase\n');
    await writeFile(join(folder, 'sealed'), sealed);
    const args = ['enc', '-d', '-aes-256-cbc', '-pbkdf2', '-iter', '600000', '-in', join(folder, 'sealed')];
    t.is((await run('openssl', [...args, '-pass', `file:${join(folder, 'key')}`])).stdout, 'some words');
  } finally {
    await rm(folder, { recursive: true });
  }
  t.deepEqual(await unseal(sealed, 'päss phrase'), content);
  const isRefused = { message: /passphrase is wrong, or it is damaged/ };
  await t.throwsAsync(unseal(sealed.subarray(0, sealed.length - 3), 'päss phrase'), isRefused);
  await t.throwsAsync(unseal(sealed.subarray(0, 12), 'päss phrase'), isRefused);
});

test("a backup's settings are put into a host's, which keeps what belongs to it", (t) => {
  const host = '# the port\n#port=8080\nport=9000\n\n# the log\n#log_level=info\nsubnet=10.9.0.0/16\nown=1\n';
  const backup =
    'port=8000\nlog_level=debug\nsubnet=10.1.0.0/16\ndata_dir=/srv\nHTTP_PROXY="http://a:1/?b=$&"\nown=2\n';
  const merged = mergeSettings(host, backup, { withAddresses: false });
  t.is(
    merged,
    '# the port\n#port=8080\nport=9000\n\n# the log\nlog_level=debug\nsubnet=10.9.0.0/16\nown=2\nHTTP_PROXY="http://a:1/?b=$&"\n',
  );
  t.is(mergeSettings(merged, backup, { withAddresses: false }), merged);
  const all = mergeSettings(host, backup, { withAddresses: true });
  t.regex(all, /^port=8000$/m);
  t.regex(all, /^subnet=10\.1\.0\.0\/16$/m);
  t.notRegex(all, /data_dir/);
});

test('a host with a certificate keeps its paths, and another takes those of the backup', (t) => {
  const backup = 'tls_cert=/live/cert.pem\ntls_key=/live/key.pem\n';
  const own = 'tls_cert=/own/cert.pem\ntls_key=/own/key.pem\n';
  for (const withAddresses of [false, true]) t.is(mergeSettings(own, backup, { withAddresses }), own);
  t.is(mergeSettings('#tls_cert=\n#tls_key=\n', backup, { withAddresses: false }), backup);
});
