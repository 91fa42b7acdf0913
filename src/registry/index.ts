export { RegistryClient, type RegistryClientOptions } from './client.ts';
export { type CredentialStore, type Credentials, dockerConfigCredentials } from './credentials.ts';
export { RegistryError, type RegistryErrorKind } from './errors.ts';
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
export type { ProxyEnv } from './proxy.ts';
export { isDigest, parseReference, type Reference, referenceByDigest } from './reference.ts';
