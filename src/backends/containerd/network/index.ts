export { prepareFiles } from './prepare-files.ts';
export type { Attachment } from './attachment.ts';
export { Network, type NetworkOptions } from './network.ts';
export { AttachmentPool } from './attachment-pool.ts';
export { AddressesInUseError, NetworkError } from './network-error.ts';
export { resolvConf } from './resolv-conf.ts';
export { inspectNetwork, tryFromFunction, type NetworkInspection } from './inspect-network.ts';
