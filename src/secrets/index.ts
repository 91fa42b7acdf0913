export { ReplicaSecrets } from './replica-secrets.ts';
export { SecretError } from './secret-error.ts';
export { SecretStore } from './secret-store.ts';
