import { once } from 'node:events';
import { request } from 'node:http';
import test from 'ava';
import { RegistryError, parseReference } from '../../../src/registry/index.ts';
import { InnerAddressGuard } from '../../../src/registry/inner-addresses.ts';
import { hostsDir } from './fixtures.ts';
import { answerManifest, client, imageAt, serve } from './server.ts';

test("a registry on this host leads to no cloud's metadata, as that of a stranger may come through a mirror", async (t) => {
  for (const metadata of ['169.254.169.254', '168.63.129.16', '192.0.0.192', '[fd00:ec2::254]']) {
    const server = await serve(t, (_, response) => {
      response.writeHead(307, { location: `http://${metadata}/latest/meta-data` }).end();
    });
    const error = await t.throwsAsync(client(t).resolve(imageAt(server)), { instanceOf: RegistryError });
    t.is(error?.kind, 'refused', error?.message);
  }
});

test('a name that led elsewhere at first leads no request to this host, be it its own name', async (t) => {
  const service = await serve(t, answerManifest);
  const from = { host: 'localhost', address: '203.0.113.7' };
  const { lookup } = new InnerAddressGuard(from, new URL(`http://localhost:${service.port}/`));
  const outgoing = request(`http://localhost:${service.port}/`, { lookup }).end();
  const [error] = (await once(outgoing, 'error')) as [RegistryError];
  t.is(error.kind, 'refused');
  t.deepEqual(service.lines(), []);
});

test('an idle connection to this host is not used for whom it was not made', async (t) => {
  const service = await serve(t, answerManifest);
  const made = client(t, {
    hostsDir: await hostsDir(t, { 'registry.test/hosts.toml': 'server = "http://registry.test"' }),
    proxyEnv: { HTTP_PROXY: `http://${(await leadingProxy(t, service.port)).host}`, NO_PROXY: 'localhost' },
  });
  await made.resolve(parseReference(`localhost:${service.port}/app:v1`));
  const error = await t.throwsAsync(made.resolve(parseReference('registry.test/app:v1')), {
    instanceOf: RegistryError,
  });
  t.is(error?.kind, 'refused', error?.message);
  t.is(service.requests.length, 1);
});

/** A proxy through which every registry leads to a port of this host. */
function leadingProxy(t: Parameters<typeof serve>[0], port: number) {
  return serve(t, (_, response) => response.writeHead(307, { location: `http://localhost:${port}/secret` }).end());
}
