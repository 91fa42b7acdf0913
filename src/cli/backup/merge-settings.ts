import { parseEnv } from 'node:util';

/** Where things are on a host: never another host's. */
const paths = [
  ...['data_dir', 'run_dir', 'log_dir', 'secret_mount_path', 'docker_config', 'hosts_dir', 'functions_dir'],
  ...['containerd_address', 'cni_bin_dirs', 'cni_conf', 'snapshotter', 'oci_runtime'],
];

/** Where a host is reached, and by what addresses its functions are. */
const addresses = ['port', 'bind', 'metrics_port', 'ui_port', 'subnet'];

/** Which queue a host works on: two that share one would each make the other's calls again. */
const queue = ['nats_url', 'nats_credentials', 'nats_ca', 'nats_stream'];

/** Paths that a host without them takes from the backup. */
const pathsOfEither = ['tls_cert', 'tls_key'];

export interface MergeOptions {
  /** Take the backup's port, addresses and subnet too. */
  withAddresses: boolean;
}

/**
 * Puts the settings of a backup into those of this host. What belongs to a host stays this one's, and so do settings that the
 * backup does not have.
 */
export function mergeSettings(ofHost: string, ofBackup: string, { withAddresses }: MergeOptions): string {
  const present = parseEnv(ofHost);
  const own = [...paths, ...queue, ...pathsOfEither.filter((name) => present[name])];
  const kept = withAddresses ? own : [...own, ...addresses];
  const wanted = Object.entries(parseEnv(ofBackup)).filter(([name]) => !kept.includes(name));
  let text = ofHost;
  for (const [name, value] of wanted.filter(([name, value]) => present[name] !== value)) {
    const line = lineOf(ofBackup, name) ?? `${name}="${value}"`;
    const set = new RegExp(`^${name}=.*$`, 'm');
    const commented = new RegExp(`^#${name}=.*$`, 'm');
    const at = [set, commented].find((pattern) => pattern.test(text));
    text = at ? text.replace(at, () => line) : `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${line}\n`;
  }
  return text;
}

/** Returns the line that says a setting last, as it is written. */
function lineOf(text: string, name: string): string | undefined {
  return [...text.matchAll(new RegExp(`^${name}=.*$`, 'gm'))].at(-1)?.[0];
}
