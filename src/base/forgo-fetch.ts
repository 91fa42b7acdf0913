/**
 * Leaves Node's own fetch out of this process, which takes 15 MB as soon as anything of it is touched: an ES module's import
 * of `node:http` reads all that it exports, WebSocket too, and Koa asks of every JSON body whether it is a Response. To be
 * called before anything imports `node:http`; what needs fetch must not run in this process.
 */
export function forgoFetch(): void {
  const http = process.getBuiltinModule('node:http');
  for (const name of ['WebSocket', 'CloseEvent', 'MessageEvent']) Reflect.deleteProperty(http, name);
  // Assigned: a definition would first read what is there.
  globalThis.Response = class {} as unknown as typeof Response;
}
