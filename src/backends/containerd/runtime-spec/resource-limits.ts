import type { ResourceAmounts } from '../../../provider/index.ts';
import { StartError } from '../start-error.ts';
import type { HostFeatures } from './host-features.ts';
import type { OciResources } from './oci-spec.ts';

/** The least that a function starts in: some 2 MiB are charged before the function's own first page. */
const minimumMemoryBytes = 4 * 1024 * 1024;
const pidsLimit = 1024;
const cpuPeriodMicros = 100_000;
/** The least quota that the kernel takes, one millisecond. */
const minimumQuotaMicros = 1000;
const minimumShares = 2;
const maximumShares = 262_144;

/**
 * Checks limits that were parsed.
 * @throws StartError for one that no process can live under
 */
export function validateResources({ memoryLimitBytes, cpuLimitMillicores }: ResourceAmounts): void {
  if (memoryLimitBytes !== undefined && memoryLimitBytes < minimumMemoryBytes) {
    throw new StartError(
      'invalid',
      `limits.memory is ${memoryLimitBytes} bytes: a function needs 4Mi at least; leave it out for no limit`,
    );
  }
  if (cpuLimitMillicores !== undefined && cpuLimitMillicores <= 0) {
    throw new StartError('invalid', 'limits.cpu is not above 0: ask for some, e.g. 100m, or leave it out for no limit');
  }
}

/** Returns what the host can enforce: a container with a controller that the kernel lacks would not start. */
export function resourceLimits(resources: ResourceAmounts, host: HostFeatures): OciResources {
  return {
    devices: [{ allow: false, access: 'rwm' }],
    ...(host.memoryController && memoryLimits(resources, host)),
    ...(host.cpuController && { cpu: cpuLimits(resources) }),
    ...(host.pidsController && { pids: { limit: pidsLimit } }),
  };
}

function memoryLimits(
  { memoryLimitBytes: limit, memoryRequestBytes: reservation }: ResourceAmounts,
  host: HostFeatures,
): Pick<OciResources, 'memory' | 'unified'> {
  return {
    memory: {
      ...(limit !== undefined && { limit }),
      // Equal to the limit, memory and swap together leave no swap; left out, swap has no bound.
      ...(limit !== undefined && host.swapAccounting && { swap: limit }),
      ...(reservation !== undefined && { reservation }),
    },
    // Without it the kernel may kill a worker and leave its parent waiting: a function dies whole and is restarted.
    ...(host.cgroupVersion === 2 && { unified: { 'memory.oom.group': '1' } }),
  };
}

function cpuLimits({ cpuLimitMillicores, cpuRequestMillicores }: ResourceAmounts): OciResources['cpu'] {
  return {
    ...(cpuLimitMillicores !== undefined && {
      quota: Math.max(minimumQuotaMicros, Math.round((cpuLimitMillicores * cpuPeriodMicros) / 1000)),
      period: cpuPeriodMicros,
    }),
    ...(cpuRequestMillicores !== undefined && {
      shares: Math.min(maximumShares, Math.max(minimumShares, Math.round((cpuRequestMillicores * 1024) / 1000))),
    }),
  };
}
