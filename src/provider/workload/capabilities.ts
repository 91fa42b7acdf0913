import { BadRequestError } from '../provider-errors.ts';
import type { FunctionDeployment } from '../types.ts';

/** Comma-separated capabilities that a function asks for, e.g. `NET_BIND_SERVICE,CHOWN`, with or without `CAP_`. */
export const capabilitiesAnnotation = 'com.openfaas.berth.capabilities';

/** Characters; every capability in its longest spelling takes half of it. */
const longestList = 512;

/** What Docker gives every container, without CAP_; a function gets none of them unless it asks. */
export const grantableCapabilities = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/**
 * Reads which capabilities a function is to have, as `CAP_` names in a fixed order.
 * @throws BadRequestError when it asks for one that no function may have
 */
export function capabilitiesOf({ annotations }: FunctionDeployment): string[] {
  const text = annotations?.[capabilitiesAnnotation] ?? '';
  if (text.length > longestList)
    throw new BadRequestError(`annotation ${capabilitiesAnnotation} is longer than ${longestList}`);
  const asked = text
    .split(',')
    .map((name) => name.trim().toUpperCase().replace(/^CAP_/, ''))
    .filter((name) => name !== '');
  const refused = asked.filter((name) => !grantableCapabilities.includes(name));
  if (refused.length > 0) {
    const problem = `annotation ${capabilitiesAnnotation} asks for ${refused.join(', ')}`;
    throw new BadRequestError(`${problem}: a function may have ${grantableCapabilities.join(', ')}`);
  }
  return grantableCapabilities.filter((name) => asked.includes(name)).map((name) => `CAP_${name}`);
}
