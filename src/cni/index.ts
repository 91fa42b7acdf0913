export { CniError } from './cni-error.ts';
export { CniNetwork } from './cni-network.ts';
export { askPluginVersion } from './plugin-version.ts';
export { loadConflist, parseConflist, type Conflist } from './conflist.ts';
export { sandboxAddress, type CniResult } from './result.ts';
