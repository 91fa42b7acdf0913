export { CniError } from './cni-error.ts';
export type { CniCommand, CniErrorFields } from './cni-error.ts';
export { CniNetwork } from './cni-network.ts';
export type { CniAttachment, CniNetworkOptions, CniTarget } from './cni-network.ts';
export { loadConflist, parseConflist } from './conflist.ts';
export type { Conflist, PluginConfig } from './conflist.ts';
export { sandboxAddress } from './result.ts';
export type { CniResult } from './result.ts';
