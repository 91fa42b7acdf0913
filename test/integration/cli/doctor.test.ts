/** The doctor on a host with real parts, each fault made for real; independent ones together, as each is found by itself. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cacheFolder } from '../../helpers/cache.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startHost, wholeLog, type TestHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';

interface Row {
  check: string;
  verdict: 'pass' | 'warn' | 'fail';
  found: string;
  mend?: string;
}

const main = join(import.meta.dirname, '../../../src/main.ts');

let host: TestHost;
let image: string;
let outside: ChildProcess;
test.before(async () => {
  outside = await makeOutside();
  host = await startHost();
  await chmod(join(host.berth.folder, 'auth/basic-auth-password'), 0o600);
  image = (await functionImage(host.registry)).reference;
  await deploy(host.berth, { service: 'one', image });
});
test.after.always(async () => {
  outside?.kill('SIGKILL');
  await undo('umount /etc/resolv.conf', 'ip link delete uplink', 'ip netns delete doctorout');
  await host?.stop();
});

const shell = (script: string) => run('sh', ['-ec', script]);

/** Each by itself, as a test that failed in the middle has not done all. */
async function undo(...commands: string[]): Promise<void> {
  for (const command of commands) await shell(command).catch(() => undefined);
}

/** A way out with a router, and a name server at it. */
async function makeOutside(): Promise<ChildProcess> {
  await shell(`
    ip netns add doctorout
    ip link add uplink type veth peer name eth0 netns doctorout
    ip address add 192.0.2.1/24 dev uplink; ip link set uplink up
    ip -n doctorout address add 192.0.2.2/24 dev eth0; ip -n doctorout link set eth0 up
    ip route add default via 192.0.2.2
    echo nameserver 192.0.2.2 >"$TMPDIR/resolv.conf"
    mount --bind "$TMPDIR/resolv.conf" /etc/resolv.conf`);
  const script = `const dns = require('dgram').createSocket('udp4', (question, { port, address }) => dns.send(question, port, address));
    dns.bind(53, () => console.log('up'));`;
  const server = execFile('nsenter', ['--net=/run/netns/doctorout', process.execPath, '-e', script]);
  if (server.stdout) await once(server.stdout, 'data');
  return server;
}

/** Runs `berth doctor --json` with the daemon's settings and these. */
async function doctor(env: Record<string, string> = {}): Promise<{ code: number | null; rows: Row[] }> {
  const { berth, containerd } = host;
  const child = spawn(process.execPath, [main, 'doctor', '--json'], {
    env: {
      PATH: process.env['PATH'],
      berth_env_file: join(berth.folder, 'absent.env'),
      port: String(berth.port),
      metrics_port: '0',
      secret_mount_path: join(berth.folder, 'auth'),
      containerd_address: containerd.address,
      data_dir: join(berth.folder, 'data'),
      run_dir: join(berth.folder, 'run'),
      log_dir: join(berth.folder, 'log'),
      hosts_dir: join(berth.folder, 'certs.d'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(child, 'close');
  return { code: child.exitCode, rows: (JSON.parse(text) as { checks: Row[] }).checks };
}

/** Each fault: the check that finds it, what it says, how it is mended. */
type Fault = [check: string, verdict: 'warn' | 'fail', found: RegExp, mend: RegExp];

function finds(t: ExecutionContext, rows: Row[], faults: Fault[]): void {
  for (const [check, verdict, found, mend] of faults) {
    const row = rows.find((each) => each.check === check && found.test(each.found));
    t.is(
      row?.verdict,
      verdict,
      `${check}: ${String(found)} in ${JSON.stringify(rows.filter((each) => each.check === check))}`,
    );
    t.regex(row?.mend ?? '', mend);
  }
}

async function isWell(t: ExecutionContext): Promise<void> {
  const { code, rows } = await doctor();
  t.deepEqual(
    rows.filter(({ verdict }) => verdict === 'fail'),
    [],
  );
  t.is(code, 0);
  const reached = rows.filter(({ check, verdict }) => check === 'from a function' && verdict === 'pass');
  t.true(reached.length >= 4, JSON.stringify(rows));
}

test.serial('a good host is well, and the doctor leaves nothing behind', async (t) => {
  const state = () => shell('ip netns list; ip -oneline link | wc -l; nft list table inet berth');
  await until(async () => /functions reach what they need/.test(await wholeLog(host.berth)), {
    message: "berth's own test",
  });
  const before = (await state()).stdout;
  await isWell(t);
  // berth tries for itself again from time to time, and has then what a replica has.
  await until(async () => (await state()).stdout === before, { message: 'the host to be as it was' });
  t.pass();
});

test.serial(
  'faults of settings, files, plugins, disks, registry and firewalls are found beside a berth that serves',
  async (t) => {
    const { folder } = host.berth;
    const envFile = join(folder, 'berth.env');
    const runc = (await shell('readlink -f "$(command -v runc)"')).stdout.trim();
    const [full, inodes, locked] = ['full', 'inodes', 'locked'].map((name) => join(folder, name));
    await writeFile(envFile, 'read_timeout=soon\nlog_levle=debug\n');
    await chmod(join(folder, 'auth/basic-auth-password'), 0o644);
    await mkdir(join(folder, 'plugins'));
    await writeFile(join(folder, 'plugins/bridge'), 'no program', { mode: 0o755 });
    await mkdir(join(folder, 'certs.d/old.test'), { recursive: true });
    await writeFile(join(folder, 'certs.d/old.test/hosts.toml'), 'ca = "old.pem"\n');
    await writeFile(join(folder, 'certs.d/old.test/old.pem'), await endedCertificate(folder));
    await shell(`
    mkdir ${full} ${inodes} ${locked}
    mount -t tmpfs -o size=2m tmpfs ${full}; head -c 2m /dev/zero >${full}/x || true
    mount -t tmpfs -o nr_inodes=2 tmpfs ${inodes}; touch ${inodes}/x
    mount -t tmpfs -o ro tmpfs ${locked}
    ip link add clash type veth peer name clash1; ip address add 10.62.7.1/24 dev clash; ip link set clash up
    nft 'add table inet mine; add chain inet mine forward { type filter hook forward priority 0; policy drop; }'
    mount --bind /dev/null ${runc}`);
    try {
      await until(
        async () => /"name":"host_firewall","healthy":false/.test((await host.berth.api('GET', '/system/parts')).text),
        { message: 'berth to see the firewall' },
      );
      const { code, rows } = await doctor({
        berth_env_file: envFile,
        cni_bin_dirs: join(folder, 'plugins'),
        data_dir: full ?? '',
        log_dir: inodes ?? '',
        run_dir: join(folder, 'run'),
        bind: '0.0.0.0',
      });
      t.is(code, 1);
      finds(t, rows, [
        ['settings', 'fail', /^read_timeout: "soon" cannot be read, write seconds/, /sudoedit .*berth\.env/],
        ['settings', 'warn', /there is no setting log_levle, is log_level meant/, /log_level=/],
        ['password', 'fail', /may be read by others \(mode 644\)/, /chmod 600 .*basic-auth-password/],
        ['CNI plugins', 'fail', /bridge/, /apt-get install --reinstall containernetworking-plugins/],
        ['CNI plugins', 'fail', /^host-local is missing/, /apt-get install containernetworking-plugins/],
        ['OCI runtime', 'fail', /^runc /, /apt-get install .*runc/],
        ['certificates', 'fail', /CN=old.*old\.test ended on 20/, /renew it/],
        ['disk', 'fail', /full: 0 MiB/, /du -xh/],
        ['disk', 'fail', /inodes: .* 0 % of the inodes/, /du -x --inodes/],
        [
          'network',
          'fail',
          /taken by 10\.62\.7\.0\/24 on clash|taken by 10\.62\.7\.1\/24 on clash/,
          /subnet=10\.63\.0\.0\/16 .*tee -a/,
        ],
        [
          'network',
          'fail',
          /a firewall of this host stops functions.*inet mine forward/,
          /nft insert rule inet mine forward/,
        ],
        ['berth', 'fail', /host_firewall: /, /nft insert rule inet mine forward/],
      ]);
      const onLocked = await doctor({ data_dir: locked ?? '' });
      finds(t, onLocked.rows, [['disk', 'fail', /locked can only be read/, /mount -o remount,rw/]]);
    } finally {
      await undo(`umount ${runc}`, 'nft delete table inet mine', 'ip link delete clash');
      await undo(`umount ${full}`, `umount ${inodes}`, `umount ${locked}`);
      await chmod(join(folder, 'auth/basic-auth-password'), 0o600);
      await rm(join(folder, 'certs.d'), { recursive: true });
    }
  },
);

test.serial('faults of a host whose berth and containerd are down are found as well', async (t) => {
  const { berth, containerd } = host;
  await berth.kill();
  await containerd.kill();
  await shell(`
    nft delete table inet berth; ip link set openfaas0 down; echo 0 >/proc/sys/net/ipv4/ip_forward`);
  const other = createServer().listen(berth.port, '0.0.0.0');
  await once(other, 'listening');
  try {
    const { code, rows } = await doctor({ bind: '0.0.0.0' });
    t.is(code, 1);
    finds(t, rows, [
      ['containerd', 'fail', /^does not answer|^not running|^not installed/, /containerd/],
      ['service', 'fail', /^berth is /, /install\.sh|systemctl restart berth/],
      [
        'port',
        'fail',
        new RegExp(`^${berth.port} is taken by node.* \\(process ${process.pid}`),
        /kill|systemctl disable/,
      ],
      ['network', 'fail', /^the bridge openfaas0 is down$/, /install\.sh start|systemctl restart berth/],
      ['network', 'fail', /forwards nothing/, /sysctl -w net\.ipv4\.ip_forward=1/],
      ['network', 'fail', /rules that keep functions apart are gone/, /install\.sh start|systemctl restart berth/],
      ['from a function', 'warn', /^not tried/, /install\.sh start|systemctl restart berth/],
    ]);
  } finally {
    other.close();
    await containerd.start();
    await berth.start();
  }
  await isWell(t);
});

test.serial('a wrong clock, and functions that reach no name server, are found', async (t) => {
  await shell(`
    nft 'add table inet mine; add chain inet mine dns { type filter hook forward priority 0; }
      add rule inet mine dns iifname openfaas0 udp dport 53 drop'`);
  const { code, rows } = await doctor(clock('+1h')).finally(() => undo('nft delete table inet mine'));
  t.is(code, 1);
  finds(t, rows, [
    ['clock', 'fail', /^it is 3[56]\d\d s ahead of a registry's$/, /./],
    ['from a function', 'fail', /^functions do not reach the name server 192\.0\.2\.2, as this host does$/, /./],
  ]);
});

test.serial('a containerd that hangs, and registries that cannot be used, are found', async (t) => {
  const { containerd, registry, berth } = host;
  const folder = join(berth.folder, 'certs.d/_default');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'hosts.toml'), 'server = 7\n');
  process.kill(containerd.pid, 'SIGSTOP');
  const { code, rows } = await doctor().finally(() => process.kill(containerd.pid, 'SIGCONT'));
  await rm(folder, { recursive: true });
  t.is(code, 1);
  finds(t, rows, [
    ['containerd', 'fail', /^does not answer at /, /containerd/],
    ['registry', 'fail', /hosts\.toml is malformed/, /^mend it in /],
  ]);
  await registry.stop();
  const away = await doctor();
  finds(t, away.rows, [['registry', 'fail', /cannot be pulled: cannot reach .*ECONNREFUSED/, /^curl -I /]]);
});

/** The wall clock of a process alone. */
function clock(offset: string): Record<string, string> {
  return {
    LD_PRELOAD: join(cacheFolder, 'faketime/lib/libfaketimeMT.so.1'),
    FAKETIME: offset,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

async function endedCertificate(folder: string): Promise<string> {
  const args = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    join(folder, 'old.key'),
    '-days',
    '1',
    '-subj',
    '/CN=old',
  ];
  return (await run('openssl', args, { env: { ...process.env, ...clock('@2020-01-01 00:00:00') } })).stdout;
}
