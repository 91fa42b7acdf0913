export { ContainerdProvider, type ContainerdProviderOptions } from './containerd-provider.ts';
export { Images } from './images/index.ts';
export { Network } from './network/index.ts';
export type { Timing } from './timing.ts';
