import { execFile } from 'node:child_process';
import { constants, open as openFile } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const open = promisify(openFile);

/** FIFOs between us and a process of a task, in a folder of their own. */
export class Fifos {
  readonly paths: { stdin: string; stdout: string; stderr?: string };
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr?: Socket;
  readonly #folder: string;

  private constructor(folder: string, sockets: { stdin: Socket; stdout: Socket; stderr?: Socket }) {
    this.#folder = folder;
    this.paths = pathsIn(folder, sockets.stderr !== undefined);
    this.stdin = sockets.stdin;
    this.stdout = sockets.stdout;
    this.stderr = sockets.stderr;
  }

  /** Makes the folder, which must not be there, and opens the FIFOs. */
  static async make(folder: string, { stderr }: { stderr: boolean }): Promise<Fifos> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const paths = pathsIn(folder, stderr);
    await run('mkfifo', ['-m', '600', ...Object.values(paths)]);
    return new Fifos(folder, {
      // For both, as to open it for writing alone fails while nobody reads.
      stdin: await socketOn(paths.stdin, constants.O_RDWR, { writable: true }),
      stdout: await socketOn(paths.stdout, constants.O_RDONLY, { readable: true }),
      ...(paths.stderr !== undefined && {
        stderr: await socketOn(paths.stderr, constants.O_RDONLY, { readable: true }),
      }),
    });
  }

  async remove(): Promise<void> {
    for (const socket of [this.stdin, this.stdout, this.stderr]) socket?.destroy();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Reads what a process writes into such a folder's FIFOs, of which nobody wants anything any more, until `close`. */
export async function discardOutput(folder: string): Promise<{ close(): void }> {
  const { stdout, stderr = '' } = pathsIn(folder, true);
  const opened = await Promise.allSettled(
    [stdout, stderr].map((path) => socketOn(path, constants.O_RDONLY, { readable: true })),
  );
  const sockets = opened.flatMap((each) => (each.status === 'fulfilled' ? each.value.resume() : []));
  return { close: () => sockets.forEach((socket) => socket.destroy()) };
}

function pathsIn(folder: string, stderr: boolean): Fifos['paths'] {
  const [stdin, stdout] = [join(folder, 'stdin'), join(folder, 'stdout')];
  return stderr ? { stdin, stdout, stderr: join(folder, 'stderr') } : { stdin, stdout };
}

/** Opens a FIFO without waiting for its other end, and has the event loop look after it: no thread of the pool may wait. */
async function socketOn(path: string, flags: number, side: { readable?: true; writable?: true }): Promise<Socket> {
  const fd = await open(path, flags | constants.O_NONBLOCK);
  const { readable = false, writable = false } = side;
  const socket = new Socket({ fd, readable, writable });
  return socket.on('error', () => socket.destroy());
}
