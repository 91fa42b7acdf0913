export { prepareFiles } from './prepare-files.ts';
export type { Attachment } from './attachment.ts';
export { Network } from './network.ts';
export { AttachmentPool } from './attachment-pool.ts';
export { AddressesInUseError, NetworkError } from './network-error.ts';
export { resolvConf } from './resolv-conf.ts';
