import { createCipheriv, createDecipheriv, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { ArchiveError } from './tar-archive.ts';

/** As `openssl enc` begins what it encrypts with a salt. */
const magic = Buffer.from('Salted__');
const saltBytes = 8;
const iterations = 600_000;

/**
 * Encrypts as `openssl enc -aes-256-cbc -pbkdf2 -iter 600000` does, so that it is opened by `openssl enc -d` with the same.
 * Source: https://docs.openssl.org/3.0/man1/openssl-enc/
 */
export async function seal(content: Buffer, passphrase: string): Promise<Buffer> {
  const salt = randomBytes(saltBytes);
  const { key, iv } = await keyOf(passphrase, salt);
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return Buffer.concat([magic, salt, cipher.update(content), cipher.final()]);
}

/** Whether it was sealed. */
export function isSealed(content: Buffer): boolean {
  return content.subarray(0, magic.length).equals(magic);
}

/** @throws ArchiveError where it was sealed with another passphrase, or is damaged */
export async function unseal(content: Buffer, passphrase: string): Promise<Buffer> {
  const salt = content.subarray(magic.length, magic.length + saltBytes);
  const { key, iv } = await keyOf(passphrase, salt);
  const decipher = createDecipheriv('aes-256-cbc', key, iv);
  try {
    return Buffer.concat([decipher.update(content.subarray(magic.length + saltBytes)), decipher.final()]);
  } catch (cause) {
    throw new ArchiveError('the passphrase is wrong, or it is damaged', { cause });
  }
}

async function keyOf(passphrase: string, salt: Buffer): Promise<{ key: Buffer; iv: Buffer }> {
  const bytes = await promisify(pbkdf2)(passphrase, salt, iterations, 48, 'sha256');
  return { key: bytes.subarray(0, 32), iv: bytes.subarray(32) };
}
