import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { describeError, type Log } from '../base/log.ts';
import type { FaaSConfig } from './faas-config.ts';
import { ConfigError } from './read-settings.ts';

/** A server's certificate, followed by those that vouch for it, and its key; both as PEM. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** Where a key pair is kept. */
export interface KeyPairFiles {
  cert: string;
  key: string;
}

/** What TLS callers must speak. */
export const oldestTls = 'TLSv1.2';

/** How often files are looked at: a renewal has days, and a host that is set up anew is watched by a person. */
const defaultLookMs = 5_000;

/**
 * Returns the files of the key pair that a config names.
 * @returns undefined when it names none
 * @throws ConfigError when it names one of the two alone
 */
export function keyPairFiles({ tlsCert, tlsKey }: Pick<FaaSConfig, 'tlsCert' | 'tlsKey'>): KeyPairFiles | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === tlsKey) return undefined;
  const [set, unset] = tlsKey === undefined ? ['tls_cert', 'tls_key'] : ['tls_key', 'tls_cert'];
  throw new ConfigError(`${set} is set and ${unset} is not: set both for HTTPS, or neither`);
}

/**
 * Reads a certificate and its key, and checks that they can serve together. One out of its time can.
 * @throws ConfigError naming the file to mend
 */
export async function readKeyPair(files: KeyPairFiles): Promise<KeyPair> {
  return checked(await readBoth(files), files);
}

async function readBoth(files: KeyPairFiles): Promise<KeyPair> {
  return { cert: await readPem('tls_cert', files.cert), key: await readPem('tls_key', files.key) };
}

function checked({ cert, key }: KeyPair, files: KeyPairFiles): KeyPair {
  const certificate = attempt(() => new X509Certificate(cert), `tls_cert: ${files.cert} holds no certificate in PEM`);
  const secret = attempt(
    () => createPrivateKey(key),
    `tls_key: ${files.key} holds no private key in PEM, or one with a passphrase: write it without`,
  );
  if (!certificate.checkPrivateKey(secret)) {
    throw new ConfigError(
      `tls_key: ${files.key} is not the key of the first certificate in ${files.cert}: write both anew, the server's own certificate first`,
    );
  }
  const unfit = `tls_cert: ${files.cert} and ${files.key} cannot serve TLS`;
  attempt(() => createSecureContext({ cert, key, minVersion: oldestTls }), unfit);
  return { cert, key };
}

async function readPem(name: string, file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ConfigError(`${name}: ${file} cannot be read: write it, or leave tls_cert and tls_key empty`, { cause });
  });
}

function attempt<T>(act: () => T, message: string): T {
  try {
    return act();
  } catch (cause) {
    throw new ConfigError(message, { cause });
  }
}

export interface FollowOptions {
  files: KeyPairFiles;
  /** The pair that serves now. */
  pair: KeyPair;
  /** Has the pair serve from now on. */
  use: (pair: KeyPair) => void;
  log: Log;
  /** Ends the following. */
  signal: AbortSignal;
  lookMs?: number;
}

/**
 * Has a key pair that was renewed serve new connections. The files are read anew each time: a renewal may swap a link of any
 * folder above them, which no watch on a file tells. What does not fit together is logged, and the pair before serves on.
 */
export function followKeyPair({ files, pair, use, log, signal, lookMs = defaultLookMs }: FollowOptions): void {
  let now = pair;
  let said = '';
  const warn = (message: string) => {
    if (message && message !== said) log.warn(message);
    said = message;
  };
  const look = async () => {
    try {
      const found = await readBoth(files);
      if (signal.aborted) return;
      // To check a pair makes a TLS context of it, which is a lot for files that stay as they are for months.
      if (found.cert !== now.cert || found.key !== now.key) {
        use(checked(found, files));
        log.info('new certificate in use', { file: files.cert, until: new X509Certificate(found.cert).validTo });
        now = found;
      }
      warn(outOfTime(now, files));
    } catch (error) {
      warn(`the certificate before stays in use: ${describeError(error)}`);
    }
  };
  warn(outOfTime(now, files));
  let looking: Promise<void> | undefined;
  const timer = setInterval(() => void (looking ??= look().finally(() => (looking = undefined))), lookMs);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}

/** Says that callers will refuse the certificate for its dates; '' when they are right. */
function outOfTime({ cert }: KeyPair, files: KeyPairFiles): string {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  const nowMs = Date.now();
  if (validToDate.getTime() < nowMs)
    return `the certificate in ${files.cert} expired on ${validToDate.toISOString()}: renew it`;
  if (validFromDate.getTime() <= nowMs) return '';
  return `the certificate in ${files.cert} is valid from ${validFromDate.toISOString()} on alone: look at this host's clock`;
}
