import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';

export interface SlowRegistry extends AsyncDisposable {
  /** What stands before an image's name, such as `127.0.0.1:1234`. */
  host: string;
  /** Lets the rest of all large blobs come. */
  release: () => void;
}

/** A registry in front of another, of whose blobs above 1 MiB only the first half comes until `release`. */
export async function startSlowRegistry(url: string): Promise<SlowRegistry> {
  const released = Promise.withResolvers<void>();
  const server = createServer((req, res) => {
    const onward = request(new URL(req.url ?? '/', url), { method: req.method, headers: req.headers }, (reply) => {
      res.writeHead(reply.statusCode ?? 502, reply.headers);
      const bytes = Number(reply.headers['content-length'] ?? 0);
      const isHeld = req.method === 'GET' && bytes > 1_048_576;
      void passed(reply.pipe(new PassThrough()), isHeld ? bytes / 2 : Infinity);
    });
    async function passed(body: AsyncIterable<Buffer>, most: number): Promise<void> {
      let sent = 0;
      for await (const part of body) {
        if (sent > most) await released.promise;
        sent += part.length;
        if (!res.write(part)) await once(res, 'drain');
      }
      res.end();
    }
    onward.on('error', () => res.destroy());
    req.pipe(onward);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    release: () => released.resolve(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
