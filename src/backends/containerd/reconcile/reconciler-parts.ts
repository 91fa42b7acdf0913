import type { Log } from '../../../base/log.ts';
import type { FunctionName, RoutingTable } from '../../../provider/index.ts';
import type { FunctionStore } from '../desired/function-store.ts';
import type { GenerationImages } from '../generation-images.ts';
import type { Host } from '../replicas/host.ts';
import type { Sweep } from '../sweep.ts';
import type { Timing } from '../timing.ts';
import type { FunctionStates } from './function-states.ts';

/** What the reconciler works with. */
export interface ReconcilerParts {
  store: FunctionStore;
  host: Host;
  images: GenerationImages;
  routes: RoutingTable;
  states: FunctionStates;
  sweep: Sweep;
  timing: Timing;
  log: Log;
}

/** What steps and watches work with. */
export interface StepParts extends ReconcilerParts {
  /** Asks for another pass over a function. */
  wake: (fn: FunctionName) => void;
}
