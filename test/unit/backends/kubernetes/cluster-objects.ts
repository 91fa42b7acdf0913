/** Objects as the cluster gives them, as far as tests look at them. */
import type { V1Deployment, V1EndpointSlice, V1Pod, V1PodStatus } from '@kubernetes/client-node';
import { deploymentObject } from '../../../../src/backends/kubernetes/deployment-object.ts';
import type { StoredVersion, StoredVersions } from '../../../../src/backends/kubernetes/stored-version.ts';
import type { FunctionDeployment } from '../../../../src/provider/index.ts';

export const settings = { imagePullSecrets: [], startTimeoutMs: 120_000 };
export const incarnation = 'life1';

export function versionOf(generation: string, fields: Partial<FunctionDeployment> = {}): StoredVersion {
  const deployment = { name: 'echo', namespace: 'fns', image: 'registry/echo:1', ...fields };
  return { generation, deployedAt: '2026-11-27T10:00:00.000Z', deployment };
}

export function deploymentOf(versions: StoredVersions, replicas = 1): V1Deployment {
  const object = deploymentObject(versions, { incarnation, replicas }, settings);
  return { ...object, metadata: { ...object.metadata, uid: `uid-${versions.current.generation}` } };
}

export function podOf(name: string, generation: string, status: V1PodStatus = {}): V1Pod {
  const labels = { faas_function: 'echo', 'berth/incarnation': incarnation, 'berth/generation': generation };
  return { metadata: { name, namespace: 'fns', uid: `uid-${name}`, labels }, status };
}

/** The state of the one container of a Pod. */
export function containerStatus(fields: object = {}) {
  const plain = { name: 'function', image: 'registry/echo:1', imageID: '', ready: false, restartCount: 0 };
  return { containerStatuses: [{ ...plain, ...fields }] };
}

export const readyStatus: V1PodStatus = {
  ...containerStatus({ ready: true, state: { running: { startedAt: new Date(0) } } }),
  conditions: [{ type: 'Ready', status: 'True' }],
};

export function sliceOf(
  endpoints: { pod?: string; address: string; conditions?: object }[] | undefined,
  name = 'echo-1',
): V1EndpointSlice {
  return {
    addressType: 'IPv4',
    metadata: { name, labels: { 'kubernetes.io/service-name': 'echo', 'berth/incarnation': incarnation } },
    ports: [{ name: 'http', port: 8080 }],
    endpoints: endpoints?.map(({ pod, address, conditions }) => ({
      addresses: [address],
      conditions,
      ...(pod !== undefined && { targetRef: { kind: 'Pod', name: pod } }),
    })),
  };
}
