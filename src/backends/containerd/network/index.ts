export { prepareFiles } from './prepare-files.ts';
export type { FunctionFiles, PrepareFilesOptions } from './prepare-files.ts';
export { hostsFile } from './hosts-file.ts';
export { Network } from './network.ts';
export type { Attachment, NetworkOptions } from './network.ts';
export { NetworkError } from './network-error.ts';
export { resolvConf } from './resolv-conf.ts';
export type { ResolvConf } from './resolv-conf.ts';
