import {
  BadRequestError,
  capabilitiesOf,
  networkAllowOf,
  quote,
  resourcesOf,
  workloadOf,
  type FunctionDeployment,
} from '../../provider/index.ts';
import { nodeSelectorOf } from './node-selector.ts';

/** Names profiles of OpenFaaS: berth has none. */
const profileAnnotation = 'com.openfaas.profile';

/**
 * Refuses what the cluster would refuse later, in Pods where nobody looks, and what it cannot give.
 * @throws BadRequestError saying what to mend
 */
export function checkDeployment(deployment: FunctionDeployment): void {
  const { name, image, annotations = {} } = deployment;
  if (!/^[a-z]/.test(name))
    throw new BadRequestError(
      `function ${name}: Kubernetes wants a name that begins with a letter, as its Service has`,
    );
  if (image.trim() !== image || /\s/.test(image))
    throw new BadRequestError(`image ${quote(image)} is no reference: write one such as ghcr.io/owner/name:1.0`);
  const profile = annotations[profileAnnotation]?.trim();
  if (profile)
    throw new BadRequestError(
      `annotation ${profileAnnotation} asks for ${quote(profile)}: berth has no profiles, leave it out`,
    );
  capabilitiesOf(deployment);
  resourcesOf(deployment);
  networkAllowOf(deployment);
  nodeSelectorOf(deployment);
  workloadOf(deployment);
}
