import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestRegistry } from '../../helpers/registry.ts';

export interface CuttingProxy extends AsyncDisposable {
  host: string;
  /** Method, path and `@offset` of each request, in order. */
  requests: string[];
  /** How many bytes of each blob's answer pass before the connection is cut; Infinity for all. */
  bytesPerAnswer: number;
  /** No more comes then, but the connection stays. */
  isSilent: boolean;
}

/** A registry behind a bad line. */
export async function startCuttingProxy(registry: TestRegistry): Promise<CuttingProxy> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    const offset = /^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? '0';
    requests.push(`${request.method} ${request.url} @${offset}`);
    const onward = http.request(new URL(request.url ?? '', registry.url), {
      method: request.method,
      headers: request.headers,
    });
    onward.on('error', () => response.destroy());
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      let left = request.url?.includes('/blobs/') ? proxy.bytesPerAnswer : Infinity;
      answer.on('error', () => response.destroy());
      answer.on('data', (chunk: Buffer) => {
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        response.write(part, () => {
          if (left <= 0 && !proxy.isSilent) response.destroy();
        });
      });
      answer.on('end', () => left > 0 && response.end());
    });
    onward.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  const proxy: CuttingProxy = {
    host,
    requests,
    bytesPerAnswer: Infinity,
    isSilent: false,
    [Symbol.asyncDispose]: stop,
  };
  return proxy;
}
