/**
 * An install that is killed, with all that it has started, and run again. CI has it die while packages are unpacked; test/soak/host.sh
 * after each of its steps and at so many instants between (BERTH_TEST_KILLS).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { freshHost, installCommand, type FreshHost } from '../helpers/fresh-host.ts';

const kills = Number(process.env['BERTH_TEST_KILLS'] ?? 0);

let host: FreshHost;

test.before(async () => {
  host = await freshHost();
  await host.bringBundle();
});
test.after.always(() => host.stop());

/** In a session of its own, whose processes can be killed at once. */
const begin = `
  rm -f /root/group
  setsid --fork sh -c 'echo $$ >/root/group; exec ${installCommand}' >/root/output 2>&1
  until [ -s /root/group ]; do :; done`;
const kill = 'kill -KILL -$(cat /root/group)';

/** What an install may have changed or started anew. */
const state = `
  systemctl show --property MainPID,InvocationID berth containerd
  find / -xdev -newer /root/before -not -path '/proc/*' -not -path '/root/*' -not -path '/var/log/*' -not -path '/run/*' \\
    -not -path '/var/lib/containerd/*' -not -path '/var/lib/berth/*' -not -type d`;

/** Runs it again, to its end and once more. */
async function complete(t: { is(actual: unknown, expected: unknown, message?: string): void }, when: string) {
  const again = await host.attempt(installCommand);
  t.is(again.code, 0, `${when}: ${again.stdout}${again.stderr}`);
  t.is((await fetch(`${host.url}/healthz`)).status, 200, when);
  const status = await host.attempt('berth status');
  t.is(status.code, 0, `${when}: ${status.stdout}${status.stderr}`);
  t.is(await host.run('dpkg --audit; ls -d /usr/local/lib/berth.new 2>/dev/null || true'), '', when);
  t.is(
    await host.run(`grep -c = /etc/berth/berth.env; wc -c </etc/berth/auth/basic-auth-password`),
    await whole(),
    when,
  );
  const before = await host.run(`touch /root/before; ${state}`);
  await host.run(installCommand);
  t.is(await host.run(state), before, `${when}: a second run changed something`);
}

/** How many settings the file has that an install brings, and how long a password is. */
const whole = () => host.run(`grep -c = /usr/local/lib/berth/berth.env; echo 32`);

test.serial('a run that is killed while packages are unpacked is completed by the next', async (t) => {
  await host.run(begin);
  // In the host itself, as packages are unpacked in a moment.
  await host.run(`
    until pgrep --full 'dpkg .*--unpack' >/dev/null && [ -e /usr/bin/containerd ]; do
      [ -e /proc/$(cat /root/group) ] || exit 1
    done
    ${kill}
    pkill -KILL dpkg || true`);
  t.not(await host.run('dpkg --audit'), '', 'packages were left in the middle');
  await complete(t, 'killed in dpkg');
});

/** One that has no asynchronous calls and no page, and no socket of systemd's. */
const older = `
  mkdir -p /usr/local/lib/berth.previous/src
  cp -r /usr/local/lib/berth/runtime /usr/local/lib/berth/install.sh /usr/local/lib/berth.previous
  echo "require('http').createServer((asked, answer) => answer.end()).listen(8080)" >/usr/local/lib/berth.previous/src/main.js
  mkdir -p /var/lib/berth/async
  touch /var/lib/berth/async/calls.db`;

test.serial('a downgrade says what the older version does not do', async (t) => {
  await host.run(older);
  const said = await host.run('berth downgrade');
  t.notRegex(said, /dashboard/);
  t.regex(
    said,
    /^berth: warning: this version makes no asynchronous calls: those that wait stay in \/var\/lib\/berth\/async,/m,
  );
  const back = await host.run('sh /usr/local/lib/berth.previous/install.sh downgrade');
  t.regex(back, /dashboard/);
  t.notRegex(back, /asynchronous/);
  t.is((await host.attempt('berth status')).code, 0);
});

/** As the list at the end of install.sh has them. */
async function steps(): Promise<string[]> {
  const script = await readFile(join(import.meta.dirname, '../../install.sh'), 'utf8');
  const [, list = ''] = /\tfor step in \\\n(.*?); do\n/s.exec(script) ?? [];
  return list.split('\\\n').map((name) => name.trim());
}

if (kills > 0) {
  test.serial('a run that is killed after any of its steps is completed by the next', async (t) => {
    t.timeout(3_600_000);
    const names = await steps();
    t.is(names.length, 13);
    for (const name of names) {
      await host.run('[ ! -e /usr/local/bin/berth ] || berth uninstall --purge');
      const killed = await host.attempt(`BERTH_KILL_AFTER=${name} setsid --wait sh -c 'exec ${installCommand}'`);
      t.is(killed.code, 137, `${name}: ${killed.stdout}${killed.stderr}`);
      await complete(t, `killed after ${name}`);
      t.log(`killed after ${name}: complete`);
    }
  });

  test.serial('so is one that is killed at any instant', async (t) => {
    t.timeout(3_600_000);
    for (let number = 0; number < kills; number += 1) {
      if (number % 5 === 0) await host.run('berth uninstall --purge');
      const afterMs = Math.floor(Math.random() * 4000);
      const ended = host.run(`${begin}; sleep ${afterMs / 1000}; ${kill} || true; tail -n 1 /root/output`);
      const said = await ended;
      await complete(t, `killed after ${afterMs} ms`);
      t.log(`killed after ${afterMs} ms, at "${said.trim()}": complete`);
    }
  });
}
