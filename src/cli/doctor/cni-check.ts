import { askPluginVersion, CniError, loadConflist, type Conflist } from '../../cni/index.ts';
import { describeError } from '../../base/log.ts';
import { systemPath } from '../../base/run-program.ts';
import { ownConflist } from '../../daemon/index.ts';
import { fail, pass, type Check, type Finding } from './patient.ts';

const install = 'sudo apt-get install containernetworking-plugins';

export const cniCheck: Check = {
  name: 'CNI plugins',
  async look({ config, envFile }) {
    const { cniConf = ownConflist, cniBinDirs } = config;
    const conflist = await loadConflist(cniConf).catch((error: unknown) => describeError(error));
    if (typeof conflist === 'string') return fail(conflist, `mend ${cniConf}, or take cni_conf out of ${envFile}`);
    const plugins = pluginsOf(conflist);
    const findings = plugins.map((plugin) =>
      askPluginVersion(plugin, cniBinDirs, systemPath).then(
        () => [],
        (error: unknown) => [failed(plugin, error)],
      ),
    );
    const wrong = (await Promise.all(findings)).flat();
    return wrong.length > 0 ? wrong : pass(plugins.join(', '));
  },
};

function pluginsOf({ plugins }: Conflist): string[] {
  const ipams = plugins.map(({ ipam }) => (ipam as { type?: string } | undefined)?.type);
  return [...new Set([...plugins.map(({ type }) => type), ...ipams.filter((type) => type !== undefined)])];
}

function failed(plugin: string, error: unknown): Finding {
  const found = describeError(error);
  const isAbsent = error instanceof CniError && found.includes('no such plugin');
  return fail(
    isAbsent ? `${plugin} is missing` : found,
    isAbsent ? install : install.replace('install', 'install --reinstall'),
  );
}
