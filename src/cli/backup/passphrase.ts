import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { describeError } from '../../base/log.ts';
import type { Cli } from '../verb.ts';

/**
 * Reads a passphrase: the first line of a file, or what is typed at the terminal, which does not show it.
 * @param file undefined to ask at the terminal
 * @throws Error where there is none to be had
 */
export async function readPassphrase(file: string | undefined, cli: Cli, twice = false): Promise<string> {
  const passphrase = file === undefined ? await ask('Passphrase: ', cli) : await firstLine(file);
  if (passphrase === '') throw new Error('the passphrase is empty');
  if (file === undefined && twice && (await ask('Again: ', cli)) !== passphrase)
    throw new Error('these are not the same');
  return passphrase;
}

async function firstLine(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new Error(`the passphrase cannot be read: ${describeError(cause)}`, { cause });
  });
  return text.split(/\r?\n/, 1)[0] ?? '';
}

async function ask(question: string, { stdin, stderr, signal }: Cli): Promise<string> {
  if (!('isTTY' in stdin && stdin.isTTY))
    throw new Error('there is no terminal to ask for the passphrase: use --passphrase-file FILE');
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output: nowhere, terminal: true });
  stderr.write(question);
  try {
    return await terminal.question('', { signal });
  } finally {
    terminal.close();
    stderr.write('\n');
  }
}
