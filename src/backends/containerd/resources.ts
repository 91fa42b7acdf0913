import { parseCpu, parseMemory, type FunctionDeployment } from '../../provider/index.ts';
import type { SpecResources } from './runtime-spec/index.ts';

/** The deployment's quantities as numbers. Throws BadRequestError naming the field for a bad one. */
export function resourcesOf({ limits, requests }: FunctionDeployment): SpecResources {
  return {
    memoryLimitBytes: limits?.memory ? parseMemory(limits.memory, 'limits.memory') : undefined,
    memoryRequestBytes: requests?.memory ? parseMemory(requests.memory, 'requests.memory') : undefined,
    cpuLimitMillicores: limits?.cpu ? parseCpu(limits.cpu, 'limits.cpu') : undefined,
    cpuRequestMillicores: requests?.cpu ? parseCpu(requests.cpu, 'requests.cpu') : undefined,
  };
}
