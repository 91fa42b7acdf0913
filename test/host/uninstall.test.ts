/** A host's whole life with berth, on one that nobody else uses but Docker: what was installed, and taken away again. */
import test from 'ava';
import { watchdogImage } from '../helpers/functions.ts';
import { freshHost, installCommand, type FreshHost } from '../helpers/fresh-host.ts';
import { until } from '../helpers/poll.ts';
import { startRegistry, type TestRegistry } from '../helpers/registry.ts';

let host: FreshHost;
let registry: TestRegistry;

test.before(async () => {
  host = await freshHost();
  registry = await startRegistry({ address: host.testAddress });
  await host.bringBundle();
});
test.after.always(async () => {
  await registry.stop();
  await host.stop();
});

/** All of the host that an install may change, but for what packages of the distribution bring. */
const state = `
  find / -xdev -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' -not -path '/tmp/*' -not -path '/root/*' \\
    -not -path '/var/log/journal/*' -not -path '/var/lib/systemd/*' |
    grep -v -e '^/var/lib/containerd/io.containerd.[^/]*$' -e 'content.v1.content/[a-z]*$' -e 'blobs/sha256$' -e introspection/uuid -e metadata.db | sort
  find /run/berth* /run/netns/* /run/systemd/network 2>/dev/null || true
  systemctl list-unit-files --no-legend --plain | sort
  nft list ruleset
  ip -oneline link | cut -d ' ' -f 2
  ip route
  find /proc/sys/fs/inotify /proc/sys/kernel/keys /proc/sys/kernel/pid_max /proc/sys/net/ipv4 -type f -readable |
    grep -v '/neigh/veth' | sort | while read -r file; do echo "$file $(cat "$file" 2>/dev/null)"; done
  ctr namespaces ls -q
  ctr --namespace openfaas-fn images ls -q; ctr --namespace openfaas-fn containers ls -q; ctr --namespace openfaas-fn snapshots ls
  ls -d /sys/fs/cgroup/*/openfaas-fn /sys/fs/cgroup/openfaas-fn 2>/dev/null || true`;

/** containerd as Docker's package sets it up, and a container of Docker's that runs. */
const likeDocker = `
  printf 'disabled_plugins = ["cri"]\\n' >/etc/containerd/config.toml
  systemctl restart containerd
  ctr --namespace moby run --detach --null-io --rootfs /srv/theirs theirs /busybox sleep infinity`;

/** What the installer and berth must leave as it is, the process of the container too. */
const ofDocker = 'sha256sum /etc/containerd/config.toml; ctr --namespace moby tasks ls';

const gatewayAnswers = async (path: string) => (await fetch(host.url + path)).status === 200;

test.serial(
  'uninstall leaves what an install brings back; with --purge the host is as it was but for packages',
  async (t) => {
    // The packages come first, so that what they bring is there before.
    const killed = await host.attempt(`BERTH_KILL_AFTER=install_packages setsid --wait ${installCommand}`);
    t.not(killed.code, 0);
    await host.run('systemctl enable --now containerd; rm -rf /var/tmp/berth.*; mkdir -p /srv/theirs');
    await host.copyIn('/bin/busybox', '/srv/theirs/busybox');
    await host.run(likeDocker);
    const theirs = await host.run(ofDocker);
    t.regex(theirs, /theirs +\d+ +RUNNING/);
    const before = (await host.run(state)).split('\n');

    for (const step of ['install_program', 'install_config', 'raise_limits', 'start_berth']) {
      t.not((await host.attempt(`BERTH_KILL_AFTER=${step} setsid --wait ${installCommand}`)).code, 0, step);
    }
    await host.run(installCommand);
    await host.trusts(registry);
    const { reference: image } = await watchdogImage(registry);
    const authorization = `Basic ${btoa(`admin:${await host.password()}`)}`;
    const deployed = await fetch(`${host.url}/system/functions`, {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify({ service: 'echo', image, envProcess: 'cat' }),
    });
    t.true(deployed.ok, await deployed.text());
    await until(() => gatewayAnswers('/function/echo'), { timeoutMs: 30_000 });

    t.regex(await host.run('berth uninstall'), /\/var\/lib\/berth and \/var\/log\/berth stay/);
    t.is(await host.run('ip netns; ctr --namespace openfaas-fn containers ls -q; ls /usr/local/bin'), '');
    await registry.stop();
    await host.run(installCommand);
    await until(() => gatewayAnswers('/function/echo'), { timeoutMs: 30_000 });

    await host.run('berth uninstall --purge');
    await host.run('rm -r /etc/containerd/certs.d');
    const after = (await host.run(state)).split('\n');
    const left = after.filter((line) => !before.includes(line));
    // Hosts share the machine's cgroups of the old kind, where another may have left some that go with this one's.
    const gone = before.filter((line) => !after.includes(line) && !line.startsWith('/sys/fs/cgroup/'));
    t.deepEqual({ left, gone }, { left: [], gone: [] });
    t.is(await host.run(ofDocker), theirs, 'the container of Docker, and the configuration, are as they were');
  },
);
