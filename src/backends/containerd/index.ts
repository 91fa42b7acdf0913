export { ContainerdProvider, type ContainerdProviderOptions } from './containerd-provider.ts';
export { Images, type PullPolicy } from './images/index.ts';
export { Network } from './network/index.ts';
export type { Timing } from './timing.ts';
