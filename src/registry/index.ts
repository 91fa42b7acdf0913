export { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
export { type CredentialStore, type Credentials, dockerConfigCredentials } from './credentials.ts';
export { RegistryError, type RegistryErrorKind } from './registry-error.ts';
export {
  type Descriptor,
  digestOf,
  type ImageConfig,
  type ImageIndex,
  type ImageManifest,
  type ManifestDocument,
  parseImageConfig,
  parseManifest,
} from './manifest.ts';
export { checkPlatform, choosePlatform, formatPlatform, hostPlatform, type Platform } from './platform.ts';
export type { ProxyEnv } from './proxy-env.ts';
export { isDigest, parseReference, type Reference, referenceByDigest } from './reference.ts';
