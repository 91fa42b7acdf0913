export { buildSpec, validateDeployment, type ImageExecution, type SpecInput } from './build-spec.ts';
export { hostFeatures, type HostFeatures } from './host-features.ts';
export type { HostFiles } from './mounts.ts';
export type { OciMount, OciSpec, OciUser } from './oci-spec.ts';
export { resolveUser } from './resolve-user.ts';
