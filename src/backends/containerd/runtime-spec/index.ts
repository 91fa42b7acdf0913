export { buildSpec, validateDeployment, type ImageExecution, type SpecInput } from './build-spec.ts';
export { ProgramChecks } from './file-capabilities.ts';
export { hostFeatures, type HostFeatures } from './host-features.ts';
export type { OciSpec } from './oci-spec.ts';
export { resolveUser } from './resolve-user.ts';
export { prepareWritableFolders } from './writable-folders.ts';
