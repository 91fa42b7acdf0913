export { openCluster, openKubernetes } from './open-cluster.ts';
