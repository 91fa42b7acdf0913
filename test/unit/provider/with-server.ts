import { type ClientRequestArgs, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  defaultConfig,
  type FaaSConfig,
  type FaaSHandlers,
  type FaaSServer,
  serve,
  type ServeOptions,
} from '../../../src/index.ts';

export interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

export interface TestServer extends FaaSServer {
  send: (method: string, path: string, body?: string | object, headers?: Record<string, string>) => Promise<Reply>;
  /** A bare connection, for what no client library would send. */
  connect: () => Socket;
}

/** Serves on a free port of loopback for as long as `run` takes. */
export async function withServer(
  handlers: FaaSHandlers,
  { config, options }: { config?: Partial<FaaSConfig>; options?: ServeOptions },
  run: (server: TestServer) => Promise<void>,
): Promise<void> {
  const server = await serve(handlers, { ...defaultConfig, tcpPort: 0, bind: '127.0.0.1', ...config }, options);
  const { port } = server;
  try {
    await run({
      ...server,
      send: (method, path, body, headers = {}) => send({ port, method, path, headers }, body),
      connect: () => connect(port, '127.0.0.1'),
    });
  } finally {
    await server.close();
  }
}

async function send(args: ClientRequestArgs, body: string | object = ''): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const content = typeof body === 'object' ? JSON.stringify(body) : body;
  const req = request({ ...args, host: '127.0.0.1', agent: false }, (res) => {
    text(res).then((answer) => resolve({ status: res.statusCode ?? 0, headers: res.headers, body: answer }), reject);
  });
  // Node sends the body of a DELETE without saying that there is one.
  if (content && !req.hasHeader('Transfer-Encoding')) req.setHeader('Content-Length', Buffer.byteLength(content));
  req.on('error', reject);
  req.end(content);
  return promise;
}

/** Level-1 handlers that say which of them was called. */
export function namingHandlers(): Required<FaaSHandlers> {
  const says = (name: string) => (ctx: { body: unknown }) => {
    ctx.body = name;
    return Promise.resolve();
  };
  return {
    functionProxy: { web: (req, res) => void res.end(`functionProxy ${req.method} ${req.url}`) },
    asyncFunction: { web: (req, res) => void res.end(`asyncFunction ${req.method} ${req.url}`) },
    functionLister: says('functionLister'),
    deployFunction: says('deployFunction'),
    updateFunction: says('updateFunction'),
    deleteFunction: says('deleteFunction'),
    functionStatus: says('functionStatus'),
    scaleFunction: says('scaleFunction'),
    rollBackFunction: says('rollBackFunction'),
    restartFunction: says('restartFunction'),
    functionReplicas: says('functionReplicas'),
    pulls: says('pulls'),
    host: says('host'),
    secrets: says('secrets'),
    logs: says('logs'),
    listNamespaces: says('listNamespaces'),
    mutateNamespace: says('mutateNamespace'),
    info: says('info'),
    telemetry: says('telemetry'),
    health: says('health'),
  };
}
