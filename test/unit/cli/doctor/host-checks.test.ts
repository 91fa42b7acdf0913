/** Checks that read files, of hosts that have them. */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { clockCheck } from '../../../../src/cli/doctor/clock-check.ts';
import { diskCheck } from '../../../../src/cli/doctor/disk-check.ts';
import { limitsCheck, memoryCheck } from '../../../../src/cli/doctor/limit-checks.ts';
import { certificatesCheck, registryCheck } from '../../../../src/cli/doctor/registry-checks.ts';
import { daemonCheck, journalCheck, serviceCheck } from '../../../../src/cli/doctor/service-checks.ts';
import { passwordCheck, settingsCheck } from '../../../../src/cli/doctor/settings-checks.ts';
import { patientWith } from './patient-with.ts';

const enough = {
  'proc/sys/fs/inotify/max_user_instances': '8192\n',
  'proc/sys/kernel/pid_max': '32768\n',
  'proc/loadavg': '0.1 0.1 0.1 1/300 4000\n',
};

test('limits of the kernel that are near are named with the setting', async (t) => {
  t.like(await limitsCheck.look(await patientWith(t, { files: enough })), { verdict: 'pass' });
  const files = {
    'proc/sys/fs/inotify/max_user_instances': '128\n',
    'proc/sys/kernel/pid_max': '4194304\n',
    'proc/loadavg': '0.1 0.1 0.1 1/32000 4000\n',
    'proc/sys/kernel/threads-max': '32100\n',
    'proc/sys/net/netfilter/nf_conntrack_count': '65536\n',
    'proc/sys/net/netfilter/nf_conntrack_max': '65536\n',
    'proc/net/arp': `IP address\n${'10.62.0.2 0x1\n'.repeat(1000)}`,
    'proc/sys/net/ipv4/neigh/default/gc_thresh3': '1024\n',
  };
  const findings = [await limitsCheck.look(await patientWith(t, { files }))].flat();
  t.deepEqual(
    findings.map(({ verdict, mend = '' }) => [verdict, /sysctl -w (\S+)=/.exec(mend)?.[1]]),
    [
      ['fail', 'kernel.threads-max'],
      ['fail', 'net.ipv4.neigh.default.gc_thresh3'],
      ['fail', 'net.netfilter.nf_conntrack_max'],
      ['warn', 'fs.inotify.max_user_instances'],
    ],
  );
});

test('a host that is nearly out of memory is warned of', async (t) => {
  const of = (available: number) => ({ 'proc/meminfo': `MemTotal: 1000000 kB\nMemAvailable: ${available} kB\n` });
  t.like(await memoryCheck.look(await patientWith(t, { files: of(500_000) })), { verdict: 'pass' });
  t.like(await memoryCheck.look(await patientWith(t, { files: of(20_000) })), { verdict: 'warn' });
});

test('a disk of data_dir or functions_dir that is not mounted is named, with what mounts it', async (t) => {
  const patient = await patientWith(t, { files: { 'proc/self/mountinfo': '' }, isRoot: false });
  const disk = join(patient.root, 'srv/disk');
  Object.assign(patient.config, { dataDir: join(disk, 'berth'), functionsDir: join(disk, 'functions.d') });
  await mkdir(join(patient.root, 'etc'));
  await writeFile(join(patient.root, 'etc/fstab'), `UUID=1 ${disk} ext4 nofail 0 2\n`);
  const missing = async () => [await diskCheck.look(patient)].flat().filter(({ found }) => /mounted/.test(found));
  const findings = await missing();
  t.deepEqual(
    findings.map(({ verdict, found }) => [verdict, found]),
    [
      ['fail', `data_dir is on ${disk}, which is not mounted: berth waits for it`],
      ['warn', `functions_dir is on ${disk}, which is not mounted: its functions stay as they were`],
    ],
  );
  for (const { mend = '' } of findings) t.true(mend.includes(`sudo mount '${disk}'`), mend);
  await writeFile(join(patient.root, 'proc/self/mountinfo'), `36 35 98:0 / ${disk} rw - ext4 /dev/sdb rw\n`);
  t.deepEqual(await missing(), []);
});

test('settings that cannot be read, and names that are none, are told with their lines', async (t) => {
  const text =
    '# all well\nport=8080\n\nread_timeout=soon\nlog_levle=debug\nPORT=1\nfrobnicate=1\nHTTPS_PROXY=x\nrubbish\nexport A=secret\n';
  const patient = await patientWith(t, { files: { 'berth.env': text }, env: { read_timeout: 'soon' } });
  const findings = [await settingsCheck.look(patient)].flat();
  t.deepEqual(
    findings.map(({ verdict, found }) => [verdict, found.replace(`${patient.root}/`, '')]),
    [
      ['fail', 'read_timeout: "soon" cannot be read, write seconds or 1m30s, at most 24 days'],
      ['warn', 'berth.env:5: there is no setting log_levle, is log_level meant?'],
      ['warn', 'berth.env:6: there is no setting PORT, is port meant?'],
      ['warn', 'berth.env:7: there is no setting frobnicate'],
      ['fail', 'berth.env:9 is no NAME=value: "rubbish"'],
      ['fail', 'berth.env:10 is no NAME=value: "export A=…"'],
    ],
  );
  t.true(findings.every(({ mend }) => mend !== undefined));
});

test('a password that is missing, empty or for others to read is a failure', async (t) => {
  const files = { 'auth/basic-auth-user': 'admin', 'auth/basic-auth-password': 'secret' };
  const patient = await patientWith(t, { files });
  patient.config.secretMountPath = join(patient.root, 'auth');
  const password = join(patient.config.secretMountPath, 'basic-auth-password');
  t.like([await passwordCheck.look(patient)].flat()[0], { verdict: 'fail', mend: `sudo chmod 600 ${password}` });
  await chmod(password, 0o600);
  t.like(await passwordCheck.look(patient), { verdict: 'pass' });
  await writeFile(password, '\n');
  t.regex([await passwordCheck.look(patient)].flat()[0]?.found ?? '', /is empty$/);
  patient.config.secretMountPath = join(patient.root, 'absent');
  t.is([await passwordCheck.look(patient)].flat().length, 2);
});

test('a service that does not run is a failure with the last words of its log', async (t) => {
  const service = {
    keeper: 'systemd',
    isRunning: false,
    state: 'failed',
    start: 'sudo systemctl restart berth',
    lastWords: 'berth cannot start: port',
  } as const;
  t.deepEqual(await serviceCheck.look(await patientWith(t, { service: Promise.resolve(service) })), {
    verdict: 'fail',
    found: 'berth is failed; its log says: berth cannot start: port',
    mend: 'sudo systemctl restart berth',
  });
  const running = {
    keeper: 'systemd',
    isRunning: true,
    state: 'active',
    start: '',
    isEnabled: false,
    restarts: 40,
  } as const;
  const findings = [await serviceCheck.look(await patientWith(t, { service: Promise.resolve(running) }))].flat();
  t.deepEqual(
    findings.map(({ mend }) => mend),
    ['sudo systemctl enable berth', 'journalctl -u berth -p warning'],
  );
});

test('parts that are not well are failures with the mend that the daemon knows', async (t) => {
  const parts = [{ name: 'host_firewall', healthy: false, problem: 'stops functions', mend: 'nft insert rule x' }];
  const fn = { namespace: 'openfaas-fn', name: 'a', image: 'a', wanted: 1, ready: 0, asleep: false };
  const daemon = Promise.resolve({ release: '1', sha: 'a', ready: true, parts, functions: [fn] });
  const findings = [await daemonCheck.look(await patientWith(t, { daemon }))].flat();
  t.deepEqual(findings, [
    { verdict: 'fail', found: 'host_firewall: stops functions', mend: 'nft insert rule x' },
    { verdict: 'warn', found: '1 of 1 functions are not ready', mend: 'sudo berth status' },
  ]);
});

test('a host without a journal is well, one whose journal is gone is not', async (t) => {
  t.like(await journalCheck.look(await patientWith(t)), { verdict: 'pass' });
  const files = { 'run/systemd/system/x': '' };
  t.like(await journalCheck.look(await patientWith(t, { files })), {
    verdict: 'warn',
    mend: 'sudo systemctl restart systemd-journald',
  });
});

const deaf = { origin: 'https://a.test', problem: 'cannot reach https://a.test: connect ECONNREFUSED' };

test('a registry that cannot be reached is a failure where a function or a proxy needs it', async (t) => {
  const looked = (host: object, isUsed = false) =>
    Promise.resolve([{ registry: 'a.test', isUsed, hosts: [{ ...deaf, ...host }] }]);
  const verdictOf = async (options: object) => [await registryCheck.look(await patientWith(t, options))].flat()[0];
  t.like(await verdictOf({ registries: looked({}) }), { verdict: 'warn' });
  t.like(await verdictOf({ registries: looked({}, true) }), { verdict: 'fail' });
  const proxied = await verdictOf({ registries: looked({ proxy: 'http://proxy:3128' }) });
  t.is(proxied?.verdict, 'fail');
  t.regex(proxied?.mend ?? '', /^curl -I --proxy http:\/\/proxy:3128 .*HTTPS_PROXY/);
  t.like(await verdictOf({ registries: looked({ problem: undefined }) }), { verdict: 'pass' });
});

test('a clock that is an hour off from a registry, or before the installation, is a failure', async (t) => {
  const told = (date: Date) =>
    Promise.resolve([{ registry: 'a.test', isUsed: true, hosts: [{ origin: 'https://a.test', date }] }]);
  const near = await patientWith(t, { registries: told(new Date()) });
  t.like(await clockCheck.look(near), { verdict: 'pass' });
  const off = await patientWith(t, { registries: told(new Date(Date.now() + 3_600_000)) });
  t.regex([await clockCheck.look(off)].flat()[0]?.found ?? '', /^it is 3[56]\d\d s behind a registry's$/);
  t.like(await clockCheck.look(await patientWith(t)), { verdict: 'warn' });
});

test('a certificate of berth that is not there is a failure', async (t) => {
  const patient = await patientWith(t, { env: { hosts_dir: '/absent', tls_cert: '/absent/cert.pem' } });
  t.like(await certificatesCheck.look(patient), {
    verdict: 'fail',
    found: 'tls_cert: /absent/cert.pem cannot be read',
  });
});

test('without certificates there is nothing to say of them', async (t) => {
  const patient = await patientWith(t, { env: { hosts_dir: '/absent' } });
  t.like(await certificatesCheck.look(patient), { verdict: 'pass' });
});
