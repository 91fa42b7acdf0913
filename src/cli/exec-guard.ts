import { spawn } from 'node:child_process';
import path from 'node:path';
import type { ExecKey } from '../containerd/index.ts';

/** Waits for a line, and at the end of its input, which comes with the end of whoever has the other side, runs the program. */
const script = `trap '' HUP INT QUIT TERM; read -r line && exit 0; exec "$@"`;

/**
 * Starts a small process that outlives this one: were this one killed, nobody else would end what it has started.
 * @param folder where the program is
 * @returns what tells it that nothing is left to end
 */
export function guardExec(folder: string, { namespace, containerId, execId }: ExecKey & { namespace: string }) {
  const main = path.join(folder, 'src', `main${path.extname(import.meta.filename)}`);
  const abandoned = `--abandoned=${namespace}/${containerId}/${execId}`;
  const child = spawn('/bin/sh', ['-c', script, 'berth-exec-guard', process.execPath, main, 'exec', abandoned], {
    // A session of its own: what ends the terminal's does not end it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  return { dismiss: () => void child.stdin.end('\n') };
}
