export * from './sdk.ts';

// What the rest of berth uses beside the SDK's public names
export { quote } from '../base/quote.ts';
export { createServerFor } from './create-server.ts';
export { ownHeaderBytes, type HandlerFor } from './http-server.ts';
export { createApp, faasRoutes } from './routes.ts';
export { EventStream } from './event-stream.ts';
export { reachable } from './next-server.ts';
export { hasUnknownCoding } from './proxy/headers.ts';
export { answering } from './answering.ts';
export { scaleEvent } from './scale-event.ts';
export { tellingVerbs } from './telling-verbs.ts';
export { queuedHeaders } from './proxy/queued-headers.ts';
export { fullName, parseFullName, type FullName } from './full-name.ts';
export { originOf } from './proxy/call-origin.ts';
export { endToEndHeaders } from './proxy/headers.ts';
export { isLabel } from './names.ts';
export { lastOf, optional } from './check.ts';
export { familyOf, NetworkList } from './network-list.ts';
export { deploymentText } from './deployment-text.ts';
export * from './workload/index.ts';
export { faasSettings } from './faas-config.ts';
export { parseMemory } from './quantity.ts';
export {
  oneOf,
  path,
  port,
  readSettings,
  setting,
  timeout,
  wholeNumber,
  type Setting,
  type SettingValues,
} from './read-settings.ts';
