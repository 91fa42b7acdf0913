export { checkDeployment } from './check-deployment.ts';
export { annotationsForCluster, labelsForCluster } from './cluster-labels.ts';
export { openCluster, openForRestore, openKubernetes } from './open-cluster.ts';
export type { NamespaceOfCluster, RestoreTarget } from './restore-target.ts';
