import test from 'ava';
import { sharedHost } from '../helpers/fresh-host.ts';
import { functionImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { startRegistry } from '../helpers/registry.ts';

test.serial('a backup is restored, while berth runs, on a host that has nothing any more', async (t) => {
  const host = await sharedHost();
  await using registry = await startRegistry({ address: host.testAddress });
  await host.trusts(registry);
  const { reference: image } = await functionImage(registry);
  const asked = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Basic ${btoa(`admin:${await host.password()}`)}` };
    const { status } = await fetch(host.url + path, { method, headers, body: body && JSON.stringify(body) });
    return status;
  };
  const answer = async () => {
    const response = await fetch(`${host.url}/function/kept/file/var/openfaas/secrets/word`);
    return response.status === 200 && (await response.text());
  };
  const file = `functions: {kept: {image: "${image}", secrets: [word]}}`;

  await asked('POST', '/system/secrets', { name: 'word', value: 'of secrets' });
  await host.run(`mkdir -p /etc/berth/functions.d && echo '${file}' >/etc/berth/functions.d/kept.yml`);
  t.is(await until(answer, { timeoutMs: 60_000, message: 'the function of the file' }), 'of secrets');
  t.is(await asked('DELETE', '/system/functions', { functionName: 'kept' }), 409);
  const password = await host.password();
  t.regex(await host.run('berth backup /root/backup && stat -c %a /root/backup'), /^1 functions.*\n600\n$/s);

  await host.run(
    'rm /etc/berth/functions.d/kept.yml && printf another >/etc/berth/auth/basic-auth-password && systemctl restart berth',
  );
  const isGone = async () => (await fetch(`${host.url}/function/kept`)).status === 404;
  await until(isGone, { timeoutMs: 60_000, message: 'the function to be removed' });
  await until(async () => (await asked('DELETE', '/system/secrets', { name: 'word' })) === 200, { timeoutMs: 30_000 });

  const restored = await host.run('berth restore /root/backup');
  t.regex(restored, /^replaced: \/etc\/berth\/auth\/basic-auth-password$/m);
  t.is(await until(answer, { timeoutMs: 60_000, message: 'the restored function' }), 'of secrets');
  t.is(await host.password(), password);
  t.is(await asked('DELETE', '/system/functions', { functionName: 'kept' }), 409, 'it is still kept by its file');

  await host.run('rm /etc/berth/functions.d/kept.yml /root/backup');
  await until(isGone, { timeoutMs: 60_000, message: 'the function to be removed' });
  await asked('DELETE', '/system/secrets', { name: 'word' });
  await host.run('rm -r /etc/containerd/certs.d');
});
