import { parseCpu, parseMemory } from '../quantity.ts';
import type { FunctionDeployment } from '../types.ts';

/** A function's limits and requests as numbers; absent ones were not asked for. */
export interface ResourceAmounts {
  memoryLimitBytes?: number;
  memoryRequestBytes?: number;
  cpuLimitMillicores?: number;
  cpuRequestMillicores?: number;
}

/**
 * Reads a function's limits and requests.
 * @throws BadRequestError when one is no quantity, naming its field
 */
export function resourcesOf({ limits, requests }: Pick<FunctionDeployment, 'limits' | 'requests'>): ResourceAmounts {
  return {
    memoryLimitBytes: limits?.memory ? parseMemory(limits.memory, 'limits.memory') : undefined,
    cpuLimitMillicores: limits?.cpu ? parseCpu(limits.cpu, 'limits.cpu') : undefined,
    memoryRequestBytes: requests?.memory ? parseMemory(requests.memory, 'requests.memory') : undefined,
    cpuRequestMillicores: requests?.cpu ? parseCpu(requests.cpu, 'requests.cpu') : undefined,
  };
}
