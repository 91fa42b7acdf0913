import test from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { callOf, deploy } from '../lifecycle/setup.ts';
import { startHost } from '../functions/setup.ts';

test('functions have the name servers and search domains that are set for all, or their own', async (t) => {
  const host = await startHost({ env: { dns_servers: '192.0.2.7, 192.0.2.8', dns_search: 'all.test' } });
  t.teardown(() => host.stop());
  const { berth } = host;
  const { reference: image } = await functionImage(host.registry);
  const resolvConf = async (name: string) => {
    const text = await callOf(berth, `${name}/file/etc/resolv.conf`);
    return text.split('\n').filter((line) => /^(nameserver|search)/.test(line));
  };
  await deploy(berth, { service: 'plain', image });
  await deploy(berth, { service: 'own', image, annotations: { 'com.openfaas.dns.servers': '192.0.2.9' } });
  t.deepEqual(await resolvConf('plain'), ['nameserver 192.0.2.7', 'nameserver 192.0.2.8', 'search all.test']);
  t.deepEqual(await resolvConf('own'), ['nameserver 192.0.2.9', 'search all.test']);
  const annotations = { 'com.openfaas.dns.search': 'a b c:d' };
  const refused = await berth.api('POST', '/system/functions', { service: 'refused', image, annotations });
  t.is(refused.status, 400);
  t.regex(refused.text, /com\.openfaas\.dns\.search "c:d" is no domain/);
});
