export { parseStoredNamespace } from './desired/namespace-store.ts';
export { isRestart, parseRecord, replicasWanted, type FunctionRecord } from './desired/record.ts';
export type { ContainerdBackEnd } from './containerd-back-end.ts';
export { ContainerdStorage } from './containerd-storage.ts';
export type { AtFaultPoint } from './fault-points.ts';
export { Images } from './images/index.ts';
export {
  inspectNetwork,
  Network,
  tryFromFunction,
  type NetworkInspection,
  type NetworkOptions,
} from './network/index.ts';
export { openBackEnd } from './open-back-end.ts';
export { runningReplicas } from './replicas/running-replicas.ts';
export type { Timing } from './timing.ts';
export { hostFeatures } from './runtime-spec/index.ts';
