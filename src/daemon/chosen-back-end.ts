import { clusterSettings } from './kubernetes-settings.ts';
import { openContainerd, type OpenContainerdOptions } from './open-containerd.ts';
import type { BackEnd } from './serve-daemon.ts';

/** Opens the back end that the config names; nothing runs until its `start`. */
export async function openChosenBackEnd(options: OpenContainerdOptions): Promise<BackEnd> {
  const { config, version, log } = options;
  if (config.backend === 'containerd') return openContainerd(options);
  // Only here: a host of its own has no use for it.
  const { openCluster } = await import('../backends/kubernetes/index.ts');
  return openCluster({ ...clusterSettings(config), version, log });
}
