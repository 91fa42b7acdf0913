export type { KubernetesBackEnd } from './kubernetes-back-end.ts';
export { openCluster, openKubernetes, type KubernetesOptions } from './open-cluster.ts';
