import test from 'ava';
import { readDaemonConfig } from '../../../src/daemon/config.ts';
import { ConfigError } from '../../../src/provider/index.ts';

test('with nothing set the daemon serves on 8080 with a password, and keeps its files where a host expects them', (t) => {
  const config = readDaemonConfig({});
  t.like(config, {
    mode: 'gateway',
    metricsPort: 8082,
    upstreamTimeoutMs: undefined,
    containerdAddress: '/run/containerd/containerd.sock',
    dataDir: '/var/lib/berth',
    runDir: '/run/berth',
    logDir: '/var/log/berth',
    pullPolicy: undefined,
    logLevel: 'info',
  });
  t.like(config, {
    tcpPort: 8080,
    bind: '0.0.0.0',
    enableBasicAuth: true,
    secretMountPath: '/etc/berth/auth',
    readTimeoutMs: 60_000,
    writeTimeoutMs: 60_000,
    defaultNamespace: 'openfaas-fn',
  });
  t.deepEqual(config.cniBinDirs, ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni']);
});

test('as a provider behind a gateway it serves on 8081', (t) => {
  t.is(readDaemonConfig({ mode: 'provider' }).tcpPort, 8081);
  t.is(readDaemonConfig({ mode: 'provider', port: '9000' }).tcpPort, 9000);
});

test('what functions on a cluster have by default is read, and refused where Kubernetes could not', (t) => {
  const config = readDaemonConfig({
    default_requests: 'memory=64Mi, cpu=100m',
    default_probes: 'ready.path=/_/ready,health.periodSeconds=5',
  });
  t.deepEqual(config.defaultRequests, { memory: '64Mi', cpu: '100m' });
  t.deepEqual(config.defaultLimits, {});
  t.deepEqual(config.defaultProbes, {
    'com.openfaas.ready.http.path': '/_/ready',
    'com.openfaas.health.http.periodSeconds': '5',
  });
  const wrong = [
    ['default_requests', 'memory'],
    ['default_limits', 'memory=much'],
    ['default_limits', 'disk=1Gi'],
    ['default_probes', 'ready.port=80'],
    ['default_probes', 'ready.periodSeconds=soon'],
    ['default_probes', 'live.path=/'],
  ] as const;
  for (const [name, value] of wrong)
    t.throws(() => readDaemonConfig({ [name]: value }), { instanceOf: ConfigError, message: new RegExp(name) }, value);
});

test('an empty variable counts as absent', (t) => {
  const names = ['port', 'bind', 'upstream_timeout', 'data_dir', 'pull_policy', 'log_level', 'subnet', 'read_timeout'];
  const empty = Object.fromEntries(names.map((name) => [name, ' ']));
  t.deepEqual(readDaemonConfig(empty), readDaemonConfig({}));
});

test('each variable sets what it is called for', (t) => {
  const config = readDaemonConfig({
    port: '1234',
    bind: '127.0.0.1',
    metrics_port: '0',
    upstream_timeout: '1m30s',
    containerd_address: '/c.sock',
    data_dir: '/data',
    run_dir: '/r',
    log_dir: '/l',
    cni_bin_dirs: '/a:/b',
    cni_conf: '/n.conflist',
    subnet: '10.9.0.0/24',
    pull_policy: 'IfNotPresent',
    hosts_dir: '/certs',
    docker_config: '/d.json',
    log_level: 'debug',
    function_namespace: 'fns',
    basic_auth: 'false',
  });
  t.like(config, {
    metricsPort: 0,
    upstreamTimeoutMs: 90_000,
    containerdAddress: '/c.sock',
    dataDir: '/data',
    runDir: '/r',
    logDir: '/l',
    cniBinDirs: ['/a', '/b'],
    cniConf: '/n.conflist',
    subnet: '10.9.0.0/24',
    pullPolicy: 'IfNotPresent',
    hostsDir: '/certs',
    dockerConfig: '/d.json',
    logLevel: 'debug',
  });
  t.like(config, { tcpPort: 1234, bind: '127.0.0.1', defaultNamespace: 'fns', enableBasicAuth: false });
});

test('of logs 4 MiB of each function are kept for 7 days, or as much and as long as is set', (t) => {
  t.like(readDaemonConfig({}), {
    logHistoryBytes: 4 * 2 ** 20,
    logTotalBytes: 2 ** 30,
    logRetentionMs: 7 * 86_400_000,
  });
  const set = readDaemonConfig({ log_history: '64Mi', log_total: '10Gi', log_retention: '720h' });
  t.like(set, { logHistoryBytes: 64 * 2 ** 20, logTotalBytes: 10 * 2 ** 30, logRetentionMs: 30 * 86_400_000 });
  t.is(readDaemonConfig({ log_retention: '0' }).logRetentionMs, Infinity);
});

test('a call has no limit when the limit is 0', (t) => {
  t.is(readDaemonConfig({ upstream_timeout: '0' }).upstreamTimeoutMs, undefined);
  t.is(readDaemonConfig({ upstream_timeout: '0s' }).upstreamTimeoutMs, undefined);
});

const bad: [name: string, value: string][] = [
  ['port', 'http'],
  ['port', '65536'],
  ['metrics_port', '-1'],
  ['metrics_port', '8082x'],
  ['read_timeout', '1 minute'],
  ['write_timeout', '-5s'],
  ['upstream_timeout', 'forever'],
  ['upstream_timeout', '-5s'],
  ['log_retention', '-1h'],
  ['log_history', 'much'],
  // Longer than a timer of Node's holds: it would fire at once.
  ['upstream_timeout', '600h'],
  ['basic_auth', 'yes'],
  ['mode', 'both'],
  ['pull_policy', 'always'],
  ['log_level', 'verbose'],
  ['max_idle_conns', 'many'],
  ['function_namespace', 'Bad Name'],
];

for (const [name, value] of bad) {
  test(`${name}=${value} keeps the daemon from starting, with an error that names the variable and the value`, (t) => {
    const error = t.throws(() => readDaemonConfig({ [name]: value }), { instanceOf: ConfigError });
    t.true(error.message.startsWith(`${name}: `), error.message);
    t.true(error.message.includes(value), error.message);
  });
}
