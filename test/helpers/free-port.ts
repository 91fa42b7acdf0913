import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

const lowest = 20_000;
const highest = 31_999;
let next = randomInt(lowest, highest);

/**
 * A port of 127.0.0.1 that nobody listens on. Below those that the system gives to whoever asks for any: one of them
 * could have it before it is listened on, or while its server is away. A process is given each once.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = port < highest ? port + 1 : lowest;
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}
