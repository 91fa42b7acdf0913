import { execPlugin } from './exec.ts';

const timeoutMs = 5000;

/**
 * Asks a plugin for its versions of the specification, by which it proves that it runs: https://www.cni.dev/docs/spec/#version-probe-plugin-version-support.
 * @throws CniError when it is not there, does not run or does not answer
 */
export async function askPluginVersion(plugin: string, binDirs: string[], path: string): Promise<void> {
  const request = { cniVersion: '1.0.0' };
  await execPlugin({ plugin, command: 'VERSION', parameters: {}, request }, { binDirs, path, timeoutMs });
}
