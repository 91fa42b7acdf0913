import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Context, Request } from 'koa';

/** What the server puts on `ctx.state` before it calls a handler. */
export interface FaaSState {
  /** Aborts when the caller leaves, and when the server closes. */
  signal: AbortSignal;
  /** The server's `defaultNamespace`: the one that a request means which names none. */
  defaultNamespace: string;
}

/**
 * A Koa context. `ctx.request.body` is the parsed JSON of a POST, PUT or DELETE (`{}` when there was none) and
 * `ctx.params` what the route names. `parseDeployment(ctx)` and the like read it.
 */
export type FaaSContext = Context & {
  state: FaaSState;
  params: Record<string, string | undefined>;
  request: Request & { body?: unknown };
};

/** Answers through Koa: set `ctx.status` and `ctx.body`, or throw a ProviderError. */
export type Handler = (ctx: FaaSContext) => Promise<void>;

/** Takes the raw request, so that an invocation never passes through Koa or a body parser. */
export interface RawHandler {
  /** Answers a request. What it throws is logged and answered 500. */
  web(req: IncomingMessage, res: ServerResponse): Promise<void> | void;
  /** Answers a WebSocket handshake; `head` is what came after its headers. Without it `web` is given the handshake. */
  upgrade?(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> | void;
  /** True when `web` also answers `Expect: 100-continue`; else the server has told the caller to go on. */
  forwardsExpect?: boolean;
  /** Ends what is still in flight when the server has waited long enough for it, each as its protocol allows. */
  cut?(): CutStreams;
  /** Called once, when the server has closed. */
  close?(): void;
}

/** How many of each kind were ended before their functions ended them. */
export interface CutStreams {
  eventStreams: number;
  webSockets: number;
  /** All others. */
  calls: number;
}

/**
 * The handler of each route, under faas-provider's own names; a missing one answers 501.
 * Source: https://github.com/openfaas/faas-provider/blob/master/types/config.go
 */
export interface FaaSHandlers {
  /** ANY /function/NAME[.NAMESPACE][/path], without a password. */
  functionProxy: RawHandler;
  /** POST /async-function/NAME[.NAMESPACE][/path], without a password. */
  asyncFunction?: RawHandler;
  /** GET /system/functions */
  functionLister?: Handler;
  /** POST /system/functions */
  deployFunction?: Handler;
  /** PUT /system/functions */
  updateFunction?: Handler;
  /** DELETE /system/functions */
  deleteFunction?: Handler;
  /** GET /system/function/:name */
  functionStatus?: Handler;
  /** POST /system/scale-function/:name */
  scaleFunction?: Handler;
  /** POST /system/rollback-function/:name; this and the next four are not faas-provider's. */
  rollBackFunction?: Handler;
  /** POST /system/restart-function/:name */
  restartFunction?: Handler;
  /** GET /system/function/:name/replicas */
  functionReplicas?: Handler;
  /** GET /system/pulls */
  pulls?: Handler;
  /** GET /system/host */
  host?: Handler;
  /** GET, POST, PUT and DELETE /system/secrets */
  secrets?: Handler;
  /** GET /system/logs */
  logs?: Handler;
  /** GET /system/namespaces */
  listNamespaces?: Handler;
  /** GET, POST, PUT and DELETE /system/namespace/[:name] */
  mutateNamespace?: Handler;
  /** GET /system/info */
  info?: Handler;
  /** GET /system/telemetry */
  telemetry?: Handler;
  /** GET /healthz, without a password */
  health?: Handler;
}
