import type { Log } from '../../../base/log.ts';
import type { FunctionName, RoutingTable } from '../../../provider/index.ts';
import type { FunctionStore } from '../desired/function-store.ts';
import type { GenerationImages } from '../generation-images.ts';
import type { Host } from '../replicas/host.ts';
import type { Sweep } from '../sweep.ts';
import type { Timing } from '../timing.ts';
import type { FunctionStates } from './function-states.ts';
import type { StartTraces } from './start-traces.ts';

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

export interface WakeOptions {
  /** False where containerd need not be asked first: its replicas are as they were, or a step that went well is known. */
  look?: boolean;
}

/** What steps and watches work with. */
export interface StepParts extends ReconcilerParts {
  /** Tells routes, watches and waiting callers what is known of a function by now, and asks for another pass over it. */
  wake: (fn: FunctionName, options?: WakeOptions) => void;
  traces: StartTraces;
}
