import type { HandlersOptions, Provider } from '../../provider/index.ts';
import type { Invocations } from '../metrics/invocations.ts';
import { callHeaders } from './call-id.ts';
import { wakingResolve } from './wake.ts';

export interface GatewayCallsOptions {
  provider: Provider;
  invocations: Invocations;
  /** How long a call is held for a function that has no ready replica. */
  wakeMs?: number;
}

/** Returns what a gateway does with each call: names it, counts it, and wakes the function it is for. */
export function gatewayCalls({ provider, invocations, wakeMs = 60_000 }: GatewayCallsOptions): HandlersOptions {
  const wakeAndResolve = wakingResolve(provider, { wakeMs });
  return {
    unreachableStatus: 502,
    callHeaders,
    onCall: (fn) => invocations.begin(fn),
    async resolve(fn, resolving) {
      const release = invocations.hold(fn);
      try {
        return await wakeAndResolve(fn, resolving);
      } finally {
        release();
      }
    },
  };
}
