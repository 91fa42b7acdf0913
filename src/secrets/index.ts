export { ReplicaSecrets } from './replica-secrets.ts';
export type { SecretFile, SecretOwner } from './replica-secrets.ts';
export { SecretError } from './secret-error.ts';
export type { SecretErrorKind } from './secret-error.ts';
export { SecretStore } from './secret-store.ts';
export type { SecretName } from './secret-store.ts';
