import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export interface MadeKeyPair {
  cert: string;
  key: string;
  files: { cert: string; key: string };
}

/** Makes a self-signed certificate for a name and 127.0.0.1, in files of a folder of its own. */
export async function makeKeyPair(name = 'berth.test'): Promise<MadeKeyPair> {
  const folder = await mkdtemp(path.join(tmpdir(), 'berth-tls-'));
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', files.key, '-out', files.cert, '-subj', `/CN=${name}`],
    ...['-addext', `subjectAltName=DNS:${name},IP:127.0.0.1`],
  ]);
  return { cert: await readFile(files.cert, 'utf8'), key: await readFile(files.key, 'utf8'), files };
}
