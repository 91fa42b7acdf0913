/** The verbs of a host that berth is installed on, as its operator uses them. */
import test from 'ava';
import { sharedHost, type FreshHost } from '../helpers/fresh-host.ts';
import { until } from '../helpers/poll.ts';

interface Row {
  check: string;
  verdict: string;
  found: string;
  mend?: string;
}

async function doctor(host: FreshHost, command = 'berth doctor --json'): Promise<{ code: number | null; rows: Row[] }> {
  const { code, stdout } = await host.attempt(command);
  return { code, rows: (JSON.parse(stdout) as { checks: Row[] }).checks };
}

test.serial('on a host as it was installed all is well', async (t) => {
  const host = await sharedHost();
  const { code, rows } = await doctor(host);
  t.deepEqual(
    rows.filter(({ verdict }) => verdict === 'fail'),
    [],
  );
  t.is(code, 0);
  const { code: well, stdout } = await host.attempt('berth status');
  t.is(well, 0, stdout);
  t.regex(stdout, /^berth .* is ready/);
});

test.serial('who is not root is told what was not looked at', async (t) => {
  const host = await sharedHost();
  const { rows } = await doctor(host, 'setpriv --reuid=65534 --regid=65534 --clear-groups berth doctor --json');
  const unseen = rows.filter(({ mend }) => mend === 'sudo berth doctor').map(({ check }) => check);
  t.true(unseen.includes('containerd') && unseen.includes('network'), unseen.join());
  t.deepEqual(
    rows.filter(({ check, verdict }) => check === 'port' && verdict === 'fail'),
    [],
  );
  t.regex(rows.find(({ check }) => check === 'settings')?.found ?? '', /berth\.env cannot be read: run it with sudo/);
});

test.serial('a password that was changed without a restart is found, and nobody else has the port', async (t) => {
  const host = await sharedHost();
  const password = await host.password();
  const set = (words: string) => host.run(`printf %s '${words}' >/etc/berth/auth/basic-auth-password`);
  await set('another');
  const { rows } = await doctor(host).finally(() => set(password));
  t.like(
    rows.find(({ check }) => check === 'berth'),
    { verdict: 'fail', found: 'it knows another password than its files have' },
  );
  t.deepEqual(
    rows.filter(({ check, verdict }) => check === 'port' && verdict === 'fail'),
    [],
  );
});

test.serial('a service that is down, switched off and whose port another has is found', async (t) => {
  const host = await sharedHost();
  await host.run(`
    systemctl disable containerd
    systemctl stop berth.socket berth || systemctl stop berth
    systemctl disable berth
    systemd-run --unit squatter /usr/local/lib/berth/runtime/bin/node -e 'require("net").createServer().listen(8080)'`);
  await until(async () => (await host.run("ss -Hltn 'sport = :8080'")) !== '', { message: 'the squatter' });
  const { code, rows } = await doctor(host).finally(() =>
    host.run(`
      systemctl stop squatter
      systemctl enable containerd berth
      systemctl start berth.socket || true
      systemctl start berth`),
  );
  t.is(code, 1);
  const found = (check: string) => rows.filter((row) => row.check === check && row.verdict !== 'pass');
  t.like(found('service')[0], { verdict: 'fail', mend: 'sudo systemctl restart berth' });
  t.regex(found('port')[0]?.found ?? '', /^8080 is taken by .* \(process \d+ of squatter\.service\)$/);
  t.regex(found('port')[0]?.mend ?? '', /^sudo systemctl disable --now squatter\.service; or set port=/);
  t.deepEqual(
    found('containerd').map(({ mend }) => mend),
    ['sudo systemctl enable containerd'],
  );
  await until(async () => (await fetch(`${host.url}/healthz`)).status === 200, { timeoutMs: 60_000 });
});
