/** What stops an install: each ends in one line that says why and what to do, and leaves nothing half-done. */
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { freshHost, installCommand, type FreshHost } from '../helpers/fresh-host.ts';

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
