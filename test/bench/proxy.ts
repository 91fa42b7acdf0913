/**
 * What one hop through functionProxy costs: `node test/bench/proxy.ts`. Prints requests per second and the proxy's CPU time a
 * request for the function called directly, through http-proxy as it comes, and through our roads, all in the same minute.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { createFastProxy, createHttpProxy, functionProxy } from '../../src/provider/proxy/index.ts';
import { createUnhardenedProxy } from '../unit/provider/proxy/unhardened-proxy.ts';

const connections = 32;
const roundMs = 3_000;
const rounds = 3;

const makers = { plain: createUnhardenedProxy, hardened: createHttpProxy, fast: createFastProxy };

type Role = 'function' | keyof typeof makers;

async function serveRole(role: Role, upstreamPort: number): Promise<void> {
  const server = createServer(role === 'function' ? answerOk : forward(role, upstreamPort)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.on('message', () => process.send?.(process.cpuUsage()));
  process.send?.((server.address() as AddressInfo).port);
}

const answerOk: RequestListener = (req, res) => {
  req.resume().once('end', () => res.end('ok'));
};

function forward(role: keyof typeof makers, port: number): RequestListener {
  const proxy = makers[role]();
  const endpoint = { hostname: '127.0.0.1', port, release() {} };
  const handler = functionProxy(() => Promise.resolve(endpoint), { defaultNamespace: 'openfaas-fn', proxy });
  return (req, res) => void handler.web(req, res);
}

async function start(role: Role, upstreamPort = 0): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(import.meta.filename, [role, String(upstreamPort)]);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function cpuMicros(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [{ user, system }] = (await once(child, 'message')) as [NodeJS.CpuUsage];
  return user + system;
}

/** Requests answered in one round, each connection sending the next when it has its answer. */
async function load(port: number, request: string): Promise<number> {
  let answered = 0;
  const sockets: Socket[] = [];
  for (let i = 0; i < connections; i++) {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    socket.on('data', (data: Buffer) => {
      if (!data.toString('latin1').endsWith('ok')) return;
      answered++;
      socket.write(request);
    });
    socket.write(request);
    sockets.push(socket);
  }
  await new Promise((done) => setTimeout(done, roundMs));
  const total = answered;
  for (const socket of sockets) socket.destroy();
  return total;
}

async function bench(): Promise<void> {
  const upstream = await start('function');
  const ways = {
    direct: upstream,
    'http-proxy as it comes': await start('plain', upstream.port),
    'road http-proxy': await start('hardened', upstream.port),
    'road fast': await start('fast', upstream.port),
  };
  const requests = {
    GET: 'GET /function/env HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST 1 KiB': `POST /function/env HTTP/1.1\r\nHost: a\r\nContent-Length: 1024\r\n\r\n${'x'.repeat(1024)}`,
  };
  for (const [title, request] of Object.entries(requests)) {
    const best = new Map<string, { rate: number; micros: number }>();
    for (let round = 0; round < rounds; round++) {
      for (const [name, { child, port }] of Object.entries(ways)) {
        const before = await cpuMicros(child);
        const answered = await load(port, request);
        const micros = ((await cpuMicros(child)) - before) / answered;
        const rate = answered / (roundMs / 1_000);
        if (rate > (best.get(name)?.rate ?? 0)) best.set(name, { rate, micros });
      }
    }
    const direct = best.get('direct')?.rate ?? 1;
    for (const [name, { rate, micros }] of best) {
      const figures = [
        `${Math.round(rate)}/s`,
        `${(rate / direct).toFixed(2)} of direct`,
        `${Math.round(micros)} µs CPU`,
      ];
      process.stdout.write(`${title.padEnd(12)}${name.padEnd(24)}${figures.join('  ')}\n`);
    }
  }
  for (const { child } of Object.values(ways)) child.kill();
}

const [role, upstreamPort] = process.argv.slice(2);
if (role) await serveRole(role as Role, Number(upstreamPort));
else await bench();
