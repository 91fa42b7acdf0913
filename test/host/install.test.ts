import test from 'ava';
import { succeeded } from '../e2e/setup.ts';
import { faasCli } from '../helpers/faas-cli.ts';
import { installCommand, readmeCommands, sharedHost } from '../helpers/fresh-host.ts';
import { watchdogImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { run } from '../helpers/processes.ts';
import { startRegistry } from '../helpers/registry.ts';

test.serial('a clean host serves once the first command of the README has ended', async (t) => {
  const host = await sharedHost();
  t.is((await fetch(`${host.url}/healthz`)).status, 200);
  t.is((await readmeCommands()).length, 2);
});

test.serial('with the printed password, faas-cli deploys, invokes and reads logs from another machine', async (t) => {
  const host = await sharedHost();
  await using cli = await faasCli(host.url);
  const [, password = ''] = /password of admin is (\w+)/.exec(host.machine.installed ?? '') ?? [];
  succeeded(await cli.runWith(password, 'login', '--password-stdin'));
  await using registry = await startRegistry({ address: host.testAddress });
  await host.trusts(registry);
  const { reference: image } = await watchdogImage(registry);
  succeeded(await cli.run('deploy', '--image', image, '--name', 'echo', '--fprocess', 'cat'));
  t.is(succeeded(await cli.runWith('hello', 'invoke', 'echo')), 'hello');
  t.regex(await cli.runUntil('Wrote 5', 'logs', 'echo'), /Wrote 5 Bytes/);
  const journal = 'journalctl --quiet --output cat';
  await until(async () => (await host.run(`${journal} -t openfaas-fn:echo`)).includes('Wrote 5 Bytes'));
  t.regex(await host.run(`${journal} -u berth`), /berth serves/);
  succeeded(await cli.run('remove', 'echo'));
});

test.serial('the second command of the README logs faas-cli in on the host', async (t) => {
  const host = await sharedHost();
  const [, login = ''] = await readmeCommands();
  await host.copyIn((await run('which', ['faas-cli'])).stdout.trim(), '/usr/local/bin/faas-cli');
  t.regex(
    await host.run(`${login}; faas-cli list; rm -r /usr/local/bin/faas-cli ~/.openfaas`),
    /Function\s+Invocations/,
  );
});

test.serial('a second run changes nothing and starts nothing anew', async (t) => {
  const host = await sharedHost();
  const state = `
    systemctl show --property MainPID --value berth
    find / -xdev -newer /root/before -not -path '/proc/*' -not -path '/var/log/*' -not -path '/run/*' -not -path '/var/lib/containerd/*' -not -name counts.json -not -type d`;
  const before = await host.run(`touch /root/before; ${state}`);
  const output = await host.run(installCommand);
  t.is(await host.run(state), before);
  t.regex(output, /password of admin is in \/etc\/berth/, 'it was shown once');
});
