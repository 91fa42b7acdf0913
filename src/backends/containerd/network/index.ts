export { prepareFiles } from './prepare-files.ts';
export { Network, type Attachment } from './network.ts';
export { NetworkError } from './network-error.ts';
export { resolvConf } from './resolv-conf.ts';
