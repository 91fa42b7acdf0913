/**
 * The floor of accepting a call for later: a body is written to a file of its own, which is put on the disk, and answered 202.
 *   plain-store.ts FOLDER     prints its own port
 */
import { randomUUID } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

const [folder = '.'] = process.argv.slice(2);
const names = await open(folder, 'r');

async function keep(body: Buffer): Promise<void> {
  await using file = await open(join(folder, randomUUID()), 'wx');
  await file.writeFile(body);
  await file.datasync();
  await names.sync();
}

const server = createServer((request, response) => {
  buffer(request)
    .then(keep)
    .then(
      () => response.writeHead(202).end(),
      () => response.destroy(),
    );
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => console.log((server.address() as AddressInfo).port));
