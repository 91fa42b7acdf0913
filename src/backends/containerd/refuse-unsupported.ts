import { BadRequestError, quote, type FunctionDeployment } from '../../provider/index.ts';

/** Names profiles of OpenFaaS for Kubernetes: a runtime such as gVisor, places to run, name servers. */
const profileAnnotation = 'com.openfaas.profile';

const gpus = ['nvidia.com/gpu', 'amd.com/gpu', 'intel.com/gpu'] as const;

/**
 * Refuses what a deployment may ask for by the contract and this back end cannot give: ignored, it would run otherwise
 * than its deployer believes. What is stored already is run as it was.
 * @throws BadRequestError naming what to leave out
 */
export function refuseUnsupported({ limits = {}, requests = {}, annotations = {} }: FunctionDeployment): void {
  const profile = annotations[profileAnnotation]?.trim();
  if (profile) {
    const problem = `annotation ${profileAnnotation} asks for ${quote(profile)}`;
    throw new BadRequestError(`${problem}: berth has no profiles and no other runtime than its host's, leave it out`);
  }
  for (const [field, amounts] of Object.entries({ limits, requests })) {
    const gpu = gpus.find((name) => isSome(amounts[name]));
    if (gpu) throw new BadRequestError(`${field} ${gpu}: berth gives functions no GPU, leave it out`);
  }
}

function isSome(count: string | undefined): boolean {
  return count !== undefined && count !== '' && count !== '0';
}
