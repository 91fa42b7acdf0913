/**
 * The floor of a proxy in Node: bytes from one socket to another, each way, with nothing read, counted or checked.
 *   relay.ts HOST PORT     prints its own port
 */
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

const [host, port] = process.argv.slice(2);

function carry(from: Socket, to: Socket): void {
  from.on('data', (piece: Buffer) => {
    if (!to.write(piece)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('close', () => to.destroy());
  from.on('error', () => to.destroy());
}

const server = createServer({ noDelay: true }, (caller) => {
  const upstream = connect({ host, port: Number(port), noDelay: true });
  carry(caller, upstream);
  carry(upstream, caller);
});
server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => console.log((server.address() as AddressInfo).port));
