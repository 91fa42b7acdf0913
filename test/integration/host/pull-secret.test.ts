import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { startBerth } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { registryPassword, registryUsername, startRegistry } from '../../helpers/registry.ts';
import { certificate, hostsDir } from '../../unit/registry/fixtures.ts';

interface Front {
  url: string;
  host: string;
  cert: string;
}

/** TLS with a certificate of an authority of its own before a server that has none; challenges name `realm`. */
async function tlsBefore(t: ExecutionContext, target: string, realm?: string): Promise<Front> {
  const pair = await certificate(t);
  const server = https.createServer(pair, (request, response) => {
    const { method, headers, url = '' } = request;
    const onward = http.request(new URL(url, target), { method, headers }, (answer) => {
      const challenge = answer.headers['www-authenticate']?.replace(/realm="[^"]*"/, `realm="${realm}"`);
      const told = { ...answer.headers, ...(challenge && { 'www-authenticate': challenge }) };
      response.writeHead(answer.statusCode ?? 500, told);
      pipeline(answer, response, () => undefined);
    });
    pipeline(request, onward, () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `https://${host}`, cert: pair.cert };
}

/** A private registry and its token server, each behind TLS of an authority of its own, and a berth that knows both. */
async function privateRegistry(t: ExecutionContext) {
  const [containerd, registry] = await Promise.all([startContainerd(), startRegistry({ auth: 'bearer' })]);
  t.teardown(() => Promise.all([containerd.stop(), registry.stop()]));
  const { reference } = await functionImage(registry, { name: 'private' });
  const tokens = await tlsBefore(t, registry.tokens?.url ?? '');
  const front = await tlsBefore(t, registry.url, `${tokens.url}/token`);
  const folder = front.host.replace(/:(\d+)$/, '_$1_');
  const hosts_dir = await hostsDir(t, {
    [`${folder}/hosts.toml`]: `server = "${front.url}"\nca = ["registry.crt", "tokens.crt"]`,
    [`${folder}/registry.crt`]: front.cert,
    [`${folder}/tokens.crt`]: tokens.cert,
  });
  const berth = await startBerth({ containerd, env: { hosts_dir } });
  t.teardown(() => berth.stop());
  const image = reference.replace(registry.host, front.host);
  const login = btoa(`${registryUsername}:${registryPassword}`);
  return { berth, image, config: JSON.stringify({ auths: { [front.host]: { auth: login } } }) };
}

test('a private image is pulled with the login of a secret, each namespace with its own', async (t) => {
  const { berth, image, config } = await privateRegistry(t);
  const deploy = (namespace: string, secret?: string, service = 'fn') => {
    const annotations = secret === undefined ? {} : { 'com.openfaas.image.pull-secret': secret };
    return berth.api('POST', '/system/functions', { service, image, namespace, annotations });
  };
  const keep = (name: string, value: string) => berth.api('POST', '/system/secrets', { name, value });
  await berth.api('POST', '/system/namespace/other', { name: 'other', annotations: { openfaas: '1' } });

  const without = await deploy('openfaas-fn');
  t.is(without.status, 400);
  t.regex(without.text, /HTTP 401.*put a valid login|needs another login/);
  const missing = await deploy('openfaas-fn', 'hub');
  t.is(missing.status, 400);
  t.regex(missing.text, /pull secret hub does not exist in namespace openfaas-fn: create it/);
  await keep('broken', 'no json');
  t.regex((await deploy('openfaas-fn', 'broken')).text, /secret broken of namespace openfaas-fn is not JSON/);
  await keep('helper', '{"auths":{},"credsStore":"pass"}');
  t.regex((await deploy('openfaas-fn', 'helper')).text, /secret helper .* names a credential helper/);

  await keep('hub', config);
  const deployed = await deploy('openfaas-fn', 'hub');
  t.is(deployed.status, 202, `${deployed.text}\n${(await berth.log()).slice(-4000)}`);
  t.regex((await deploy('other', 'hub')).text, /pull secret hub does not exist in namespace other/);
  t.is((await deploy('openfaas-fn', undefined, 'second')).status, 400, 'the login is of the function that names it');
  const removed = await berth.api('DELETE', '/system/secrets', { name: 'hub' });
  t.is(removed.status, 409);
  t.regex(removed.text, /in use by function fn/);
  t.false((await berth.log()).includes(registryPassword));
});
