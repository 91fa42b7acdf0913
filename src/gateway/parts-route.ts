import type { PartHealth } from '../base/part-health.ts';
import type { Route } from '../provider/index.ts';

/** What GET /system/parts answers. */
interface DaemonHealth {
  /** What /healthz says: every function has had its turn since the start. */
  ready: boolean;
  parts: PartHealth[];
}

/** Makes the route that says how each part of the daemon and of its host is, to those who know the password. */
export function partsRoute(health: () => DaemonHealth): Route {
  return {
    method: 'GET',
    path: '/system/parts',
    handler(ctx) {
      ctx.body = health();
      return Promise.resolve();
    },
  };
}
