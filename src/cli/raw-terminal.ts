import { spawnSync } from 'node:child_process';
import type { ReadStream } from 'node:tty';

/**
 * Has a terminal pass on every key and show every byte as it is, as another one is behind it that looks after both. Node's own
 * raw mode would still put a carriage return before each line feed, which programs that move the cursor mean as it is.
 * @returns what puts it back
 */
export function makeRaw(terminal: ReadStream): () => void {
  const before = stty(terminal, '-g').trim();
  stty(terminal, 'raw', '-echo');
  return () => void stty(terminal, before);
}

function stty(terminal: ReadStream & { fd?: number }, ...args: string[]): string {
  const { stdout, error } = spawnSync('stty', args, { stdio: [terminal.fd ?? 0, 'pipe', 'ignore'], encoding: 'utf8' });
  if (error) throw new Error('stty, which a terminal needs, does not run: install coreutils', { cause: error });
  return stdout;
}
