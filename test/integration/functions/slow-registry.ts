import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestRegistry } from '../../helpers/registry.ts';

export interface SlowRegistry {
  /** `127.0.0.1:PORT`, the first part of an image reference. */
  readonly host: string;
  stop(): void;
}

/** A registry that thinks for long before it says what a tag is; from then on it is as fast as the one behind it. */
export async function startSlowRegistry({ host }: TestRegistry, delayMs: number): Promise<SlowRegistry> {
  const waiting = new Set<NodeJS.Timeout>();
  const server = createServer((asked, answer) => {
    const forward = () => {
      const forwarded = request(
        `http://${host}${asked.url}`,
        { method: asked.method, headers: asked.headers },
        (reply) => {
          answer.writeHead(reply.statusCode ?? 0, reply.headers);
          reply.pipe(answer);
        },
      );
      forwarded.on('error', () => answer.destroy());
      forwarded.end();
    };
    if (/manifests\/(?!sha256:)/.test(asked.url ?? '')) waiting.add(setTimeout(forward, delayMs));
    else forward();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop() {
      for (const timer of waiting) clearTimeout(timer);
      server.closeAllConnections();
      server.close();
    },
  };
}
