import {
  BadRequestError,
  capabilitiesOf,
  networkAllowOf,
  quote,
  resourcesOf,
  workloadOf,
  type FunctionDeployment,
} from '../../provider/index.ts';
import { parseReference } from '../../registry/index.ts';
import { describeError } from '../../base/log.ts';
import { nodeSelectorOf } from './node-selector.ts';
import { fitsAnnotations } from './stored-version.ts';

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
  checkReference(image);
  if (!fitsAnnotations(deployment))
    throw new BadRequestError(
      `function ${name}: Kubernetes keeps at most 250 KiB of it: make its envVars, labels and annotations shorter`,
    );
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

/** A Pod would only say later that its image has no name. */
function checkReference(image: string): void {
  try {
    parseReference(image);
  } catch (cause) {
    throw new BadRequestError(describeError(cause), { cause });
  }
}
