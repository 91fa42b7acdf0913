import type { V1Endpoint, V1EndpointSlice } from '@kubernetes/client-node';
import { functionPort } from '../../provider/index.ts';

/** A Pod's address, as the slices of its function's Service have it. */
export interface PodEndpoint {
  /** The Pod's name. */
  replica: string;
  hostname: string;
  port: number;
}

/**
 * Returns who takes calls: the endpoints that are ready. Where there is none those whose container is, of a node that has not
 * been heard of, as after the API server was away; else those that end but serve still.
 * @param slices all of a function's, in any order; an endpoint may be in two of them for a moment
 * @param isWell says whether the container of a Pod is ready as its node told last
 */
export function callableEndpoints(slices: V1EndpointSlice[], isWell: (replica: string) => boolean): PodEndpoint[] {
  // Nothing said counts as ready.
  const ready = endpointsOf(slices, ({ conditions }) => conditions?.ready ?? true);
  if (ready.length > 0) return ready;
  const well = endpointsOf(
    slices,
    ({ conditions, targetRef }) => conditions?.terminating !== true && isWell(targetRef?.name ?? ''),
  );
  if (well.length > 0) return well;
  return endpointsOf(slices, ({ conditions }) => conditions?.serving === true && conditions.terminating === true);
}

function endpointsOf(slices: V1EndpointSlice[], takes: (endpoint: V1Endpoint) => boolean): PodEndpoint[] {
  const found = new Map<string, PodEndpoint>();
  for (const { endpoints, ports } of slices) {
    const port = ports?.find(({ name }) => name === 'http')?.port ?? functionPort;
    for (const endpoint of endpoints ?? []) {
      const { addresses, targetRef } = endpoint;
      const [hostname] = addresses;
      const replica = targetRef?.name;
      if (hostname === undefined || replica === undefined || !takes(endpoint)) continue;
      if (!found.has(replica)) found.set(replica, { replica, hostname, port });
    }
  }
  return [...found.values()];
}
