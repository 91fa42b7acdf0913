import test from 'ava';
import { installCommand, sharedHost } from '../helpers/fresh-host.ts';

test.serial('a clean host serves once the installer has ended', async (t) => {
  const host = await sharedHost();
  t.is((await fetch(`${host.url}/healthz`)).status, 200);
});

test.serial('a second run changes nothing and starts nothing anew', async (t) => {
  const host = await sharedHost();
  const state = `
    systemctl show --property MainPID --value berth
    find / -xdev -newer /root/before -not -path '/proc/*' -not -path '/var/log/*' -not -path '/run/*' -not -path '/var/lib/containerd/*' -not -type d`;
  const before = await host.run(`touch /root/before; ${state}`);
  await host.run(installCommand);
  t.is(await host.run(state), before);
});
