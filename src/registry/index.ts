export {
  dockerConfigCredentials,
  dockerConfigLogins,
  type CredentialStore,
  type RegistryCredentials,
} from './credentials.ts';
export {
  digestOf,
  parseImageConfig,
  parseManifest,
  type Descriptor,
  type ImageConfig,
  type ImageManifest,
} from './manifest.ts';
export { checkPlatform, choosePlatform, formatPlatform, hostPlatform, is32Bit, type Platform } from './platform.ts';
export { isDigest, isLoopback, parseReference, referenceByDigest, type Reference } from './reference.ts';
export { RegistryClient, type RegistryClientOptions } from './registry-client.ts';
export { lookAtRegistry, type HostLook } from './look-at-registry.ts';
export { registryHosts } from './hosts.ts';
export { maxSmallBodyBytes } from './transport.ts';
export { RegistryError, type RegistryErrorKind } from './registry-error.ts';
