/**
 * What stops an install: each ends in one line that says why and what to do, and leaves nothing half-done. At the end, on the
 * same host, what does not stop it: a k3s.
 */
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { freshHost, installCommand, type FreshHost } from '../helpers/fresh-host.ts';
import { functionImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { startRegistry } from '../helpers/registry.ts';

const checkout = join(import.meta.dirname, '../..');

let host: FreshHost;

test.before(async () => {
  host = await freshHost();
  await host.bringBundle();
});
test.after.always(() => host.stop());

/** What of berth is on the host. */
const traces =
  'ls -d /etc/berth /usr/local/lib/berth* /usr/local/bin/berth /etc/systemd/system/berth* 2>/dev/null || true';

/** A program before all others on the PATH, which answers this. */
const fake = (name: string, script: string) => `
  rm -rf /root/fake
  mkdir /root/fake
  printf '#!/bin/sh\n%s\n' ${JSON.stringify(script)} >/root/fake/${name}
  chmod +x /root/fake/${name}
  PATH=/root/fake:$PATH`;

const refusals = {
  'without root': [
    `cp /root/berth/install.sh /tmp; su nobody -s /bin/sh -c 'sh /tmp/install.sh'`,
    /needs root: sudo sh install\.sh/,
  ],
  'on an architecture without Node.js': [
    `${fake('uname', 'echo riscv64')}; ${installCommand}`,
    /for riscv64: berth runs on x86_64 and aarch64/,
  ],
  'with a full disk': [
    `mkdir -p /small; mount -t tmpfs -o size=20m tmpfs /small; BERTH_PREFIX=/small/berth ${installCommand}`,
    /the disk of \/small has \d+ MB free and the install takes \d+: make room, then run this again/,
  ],
  'into a folder of something else': [
    `BERTH_PREFIX=/usr/local ${installCommand}`,
    /\/usr\/local is something else's: give a folder/,
  ],
  'from a bundle that is not there': [
    `BERTH_OFFLINE=/nowhere.tar ${installCommand}`,
    /\/nowhere\.tar is not there: make it on/,
  ],
  'without network': [
    'sh /root/checkout/install.sh',
    /apt-get update failed: [^\n]+; without network install from a bundle/,
  ],
  'on a distribution whose packages it does not know': [
    `echo 'PRETTY_NAME="Fedora Linux 41"' >/root/os-release; mount --bind /root/os-release /etc/os-release
     mount --bind /dev/null /usr/bin/apt-get; ${installCommand}`,
    /on Fedora Linux 41 install these packages, then run this again: containerd runc/,
  ],
} satisfies Record<string, [string, RegExp]>;

for (const [when, [script, line]] of Object.entries(refusals)) {
  test.serial(`${when} it ends with a line that says what to do`, async (t) => {
    if (when === 'without network') await bringCheckout();
    // In mounts of its own, so that nothing of it is left for the next.
    const { code, stderr } = await host.attempt(`unshare --mount sh -es <<'SCRIPT'\n${script}\nSCRIPT`);
    t.not(code, 0);
    t.regex(stderr, line);
    t.regex(stderr, /^berth: [^\n]+\n$/);
    t.is(await host.run(traces), '');
  });
}

async function bringCheckout(): Promise<void> {
  for (const name of ['install.sh', 'src/main.ts', 'protos', 'cni', 'package.json', 'package-lock.json']) {
    const to = join(host.root, 'root/checkout', name);
    await mkdir(dirname(to), { recursive: true });
    await cp(join(checkout, name), to, { recursive: true });
  }
}

test.serial('with an old containerd, or the port taken, it ends before anything of berth is there', async (t) => {
  const old = await host.attempt(
    `${fake('containerd', 'echo containerd github.com/containerd/containerd 1.4.13~ds1 1.4.13')}; ${installCommand}`,
  );
  t.not(old.code, 0);
  t.regex(old.stderr, /^berth: containerd 1\.4 is too old: berth needs 1\.6 or newer[^\n]*\n$/);
  const taken = await host.attempt(`
    systemd-run --quiet --unit=squatter --service-type=exec /root/berth/program/runtime/bin/node -e 'require("http").createServer().listen(8080)'
    until ss -Hltn 'sport = :8080' | grep -q .; do sleep 0.1; done
    ${installCommand}`);
  t.not(taken.code, 0);
  t.regex(
    taken.stderr,
    /^berth: port 8080 is taken by "[^\n]+: free it, or choose another: BERTH_PORT=8090 sh install\.sh\n$/,
  );
  t.is(await host.run(traces), '');
});

const k3s = '/var/lib/rancher/k3s';
const k3sSocket = '/run/k3s/containerd/containerd.sock';
const k3sConfig = `version = 2
[plugins."io.containerd.internal.v1.opt"]
  path = "${k3s}/agent/containerd"
[plugins."io.containerd.grpc.v1.cri"]
  stream_server_address = "127.0.0.1"
  stream_server_port = "10010"
  sandbox_image = "rancher/mirrored-pause:3.6"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "overlayfs"
  disable_snapshot_annotations = true
[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = "${k3s}/data/cni"
  conf_dir = "${k3s}/agent/etc/cni/net.d"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
`;
const k3sUnit = `[Service]
Type=notify
Environment=PATH=${k3s}/data/current/bin:/usr/sbin:/usr/bin
ExecStart=${k3s}/data/current/bin/containerd --config ${k3s}/agent/etc/containerd/config.toml --address ${k3sSocket} \\
  --root ${k3s}/agent/containerd --state /run/k3s/containerd
KillMode=process
Delegate=yes
`;

/**
 * What k3s makes of a host without another containerd (that of Debian came with the refusals): its own one, in a folder that is
 * on nobody's PATH, and the pods' bridge.
 */
const likeK3s = `
  systemctl disable --now containerd
  dpkg --purge containerd runc
  for package in containerd runc; do dpkg -x /root/berth/packages/\${package}_*.deb /root/unpacked; done
  mkdir -p ${k3s}/data/current/bin ${k3s}/agent/etc/containerd ${k3s}/pod
  find /root/unpacked -type f -perm -100 -path '*bin/*' -exec cp --target-directory=${k3s}/data/current/bin {} +
  rm -r /root/unpacked
  cat >${k3s}/agent/etc/containerd/config.toml <<'CONFIG'\n${k3sConfig}CONFIG
  cat >/etc/systemd/system/k3s.service <<'UNIT'\n${k3sUnit}UNIT
  systemctl start k3s
  ip link add cni0 type bridge
  ip address add 10.42.0.1/24 dev cni0
  ip link set cni0 up`;
const ctr = `${k3s}/data/current/bin/ctr --address ${k3sSocket}`;

test.serial('k3s is used as it is, goes on as it was, and keeps its addresses', async (t) => {
  await using registry = await startRegistry({ address: host.testAddress });
  await host.trusts(registry);
  const theirs = `sha256sum ${k3s}/agent/etc/containerd/config.toml; ${ctr} namespaces ls -q; ${ctr} -n k8s.io tasks ls`;
  await host.run(`systemctl stop squatter; ${likeK3s}`);
  await host.copyIn('/bin/busybox', `${k3s}/pod/busybox`);
  await host.run(`${ctr} -n k8s.io run --detach --null-io --rootfs ${k3s}/pod pod /busybox sleep infinity`);
  const before = await host.run(theirs);
  t.regex(before, /pod +\d+ +RUNNING/);
  t.regex(await host.run(`${ctr} plugins ls id==cri`), /cri .* ok/);

  const taken = await host.attempt(`BERTH_SUBNET=10.42.0.0/16 ${installCommand}`);
  t.not(taken.code, 0);
  t.regex(
    taken.stderr,
    /^berth: subnet=10\.42\.0\.0\/16 is taken: the host has the route 10\.42\.0\.0\/24 dev cni0.*\n$/,
  );
  t.regex(taken.stderr, /choose another: BERTH_SUBNET=10\.200\.0\.0\/16 sh install\.sh\n$/);
  await host.run(`BERTH_SUBNET=10.200.0.0/16 ${installCommand}`);
  const deployed = await fetch(`${host.url}/system/functions`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa(`admin:${await host.password()}`)}` },
    body: JSON.stringify({ service: 'fn', image: (await functionImage(registry)).reference }),
  });
  t.true(deployed.ok, await deployed.text());
  await until(async () => (await fetch(`${host.url}/function/fn`)).status === 200, { timeoutMs: 30_000 });
  t.is((await host.attempt('command -v containerd')).code, 127, 'there is no other one');
  const doctor = await host.attempt('berth doctor');
  t.is(doctor.code, 0, doctor.stdout);

  await host.run(`systemctl stop k3s; ${installCommand}`);
  t.is((await host.attempt('command -v containerd')).code, 127, 'nor is there one after an upgrade while it is down');
  await host.run('systemctl start k3s; berth uninstall --purge');
  t.is(await host.run(theirs), before);
  t.is(await host.run(traces), '');
});
