/** Names of callbacks whose name servers never answer, in a mount namespace with a resolv.conf of its own. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CallbackAddresses } from '../../../src/gateway/async/callback-address.ts';
import { run } from '../../helpers/processes.ts';

test.serial('names that strangers give and nobody answers for keep no other lookup waiting', async (t) => {
  const silent = createSocket('udp4').bind(53, '127.0.0.5');
  await once(silent, 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'silent-dns-'));
  await writeFile(join(folder, 'resolv.conf'), 'nameserver 127.0.0.5\n');
  await run('mount', ['--bind', join(folder, 'resolv.conf'), '/etc/resolv.conf']);
  t.teardown(async () => {
    await run('umount', ['/etc/resolv.conf']);
    silent.close();
    await rm(folder, { recursive: true });
  });
  const addresses = new CallbackAddresses({ defaultNamespace: 'openfaas-fn' });
  let ended = 0;
  const found = Array.from({ length: 20 }, (_, i) =>
    addresses.addressesOf(new URL(`http://silent-${i}.example/`)).catch(() => (ended += 1)),
  );
  await lookup('localhost');
  t.is(ended, 0);
  await Promise.all(found);
  t.is(ended, 20);
});
