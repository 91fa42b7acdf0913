import type { FunctionDeployment } from '../../provider/index.ts';

/** What a function has on a cluster where it says nothing itself; what was sent is kept and told without it. */
export interface FunctionDefaults {
  /** Amounts of `memory` and `cpu`. */
  requests: Record<string, string>;
  limits: Record<string, string>;
  /** Those of probes. */
  annotations: Record<string, string>;
}

/** Adds what a deployment says nothing of. One that limits or requests a resource is given neither: together they need not fit. */
export function withDefaults(
  deployment: FunctionDeployment,
  defaults: FunctionDefaults | undefined,
): FunctionDeployment {
  if (!defaults) return deployment;
  const { limits = {}, requests = {}, annotations = {} } = deployment;
  const own = new Set(Object.entries({ ...limits, ...requests }).flatMap(([key, amount]) => (amount ? key : [])));
  const unsaid = (amounts: Record<string, string>) =>
    Object.fromEntries(Object.entries(amounts).filter(([resource]) => !own.has(resource)));
  return {
    ...deployment,
    limits: { ...limits, ...unsaid(defaults.limits) },
    requests: { ...requests, ...unsaid(defaults.requests) },
    annotations: { ...defaults.annotations, ...annotations },
  };
}
