export { AsyncCalls } from './async-calls.ts';
export type { AsyncList } from './async-routes.ts';
export type { CallView } from './call-view.ts';
export { CallbackAllow } from './callback-allow.ts';
export { Schedules, type ScheduleView } from './schedules.ts';
export { parseNatsAddress } from './nats-address.ts';
export { askNats, openQueue } from './open-queue.ts';
