import { BadRequestError, type FunctionDeployment } from '../../../provider/index.ts';
import type { OciCapabilities } from './oci-spec.ts';

/** Comma-separated capabilities that a function asks for, e.g. `NET_BIND_SERVICE,CHOWN`, with or without `CAP_`. */
const annotation = 'com.openfaas.berth.capabilities';

/** What Docker gives every container; a function gets none of them unless it asks. */
const allowed = [
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

/** The capabilities of a deployment, `CAP_` names in a fixed order. */
export function grantedCapabilities({ annotations }: FunctionDeployment): string[] {
  const asked = (annotations?.[annotation] ?? '')
    .split(',')
    .map((name) => name.trim().toUpperCase().replace(/^CAP_/, ''))
    .filter((name) => name !== '');
  const refused = asked.filter((name) => !allowed.includes(name));
  if (refused.length > 0) {
    throw new BadRequestError(
      `annotation ${annotation} asks for ${refused.join(', ')}: a function may have ${allowed.join(', ')}`,
    );
  }
  return allowed.filter((name) => asked.includes(name)).map((name) => `CAP_${name}`);
}

/**
 * The kernel takes the effective set of any user but root away when the process starts; only the ambient set survives
 * that (capabilities(7)). no_new_privs keeps the inheritable set, which ambient needs, from being of use to a file.
 */
export function capabilitySets(granted: string[], uid: number): OciCapabilities {
  const kept = uid === 0 ? [] : granted;
  return { bounding: granted, permitted: granted, effective: granted, inheritable: kept, ambient: kept };
}
