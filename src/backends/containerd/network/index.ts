export { prepareFiles } from './prepare-files.ts';
export { Network, type Attachment } from './network.ts';
export { AttachmentPool } from './attachment-pool.ts';
export { AddressesInUseError, NetworkError } from './network-error.ts';
export { resolvConf } from './resolv-conf.ts';
