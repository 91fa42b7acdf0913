import { createFastProxy } from './fast/index.ts';
import { createHttpProxy } from './http-proxy.ts';
import type { Proxy } from './proxy.ts';
import type { RoadOptions } from './road.ts';

/** The names of the roads that calls can take to functions. */
export const roadNames = ['fast', 'http-proxy'] as const;

export type RoadName = (typeof roadNames)[number];

const makers: Record<RoadName, (options: RoadOptions) => Proxy> = {
  fast: createFastProxy,
  'http-proxy': createHttpProxy,
};

/** Makes the `Proxy` of a road. */
export function createRoad(name: RoadName, options: RoadOptions): Proxy {
  return makers[name](options);
}
