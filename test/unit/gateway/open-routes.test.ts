/** What anybody is answered at addresses that other gateways have. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startGateway } from './with-gateway.ts';

/** One that asks for a password, which none of the requests here has. */
async function guardedUrl(t: ExecutionContext): Promise<string> {
  const secretMountPath = await mkdtemp(join(tmpdir(), 'open-routes-'));
  for (const file of ['user', 'password']) await writeFile(join(secretMountPath, `basic-auth-${file}`), 'x');
  return (await startGateway(t, { config: { enableBasicAuth: true, secretMountPath } })).url;
}

test('/ tells a person what this is and where to go on', async (t) => {
  const reply = await fetch(`${await guardedUrl(t)}/`);
  t.is(reply.status, 200);
  t.regex(reply.headers.get('content-type') ?? '', /^text\/plain/);
  t.regex(await reply.text(), /berth.*\/function\/NAME.*faas-cli login/s);
});

test('how each part is, is told to those who know the password alone', async (t) => {
  const secretMountPath = await mkdtemp(join(tmpdir(), 'parts-'));
  for (const file of ['user', 'password']) await writeFile(join(secretMountPath, `basic-auth-${file}`), 'x');
  const parts = [{ name: 'disk', healthy: false, problem: 'full', mend: 'make room' }];
  const { url } = await startGateway(t, {
    gateway: { parts: () => parts, ready: () => false },
    config: { enableBasicAuth: true, secretMountPath },
  });
  const told = await fetch(`${url}/system/parts`, { headers: { Authorization: `Basic ${btoa('x:x')}` } });
  t.deepEqual(await told.json(), { ready: false, parts });
  t.is((await fetch(`${url}/system/parts`)).status, 401);
});

const form = 'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=x';
const absent: [method: string, path: string, body: string | undefined, told: RegExp][] = [
  ['POST', '/oauth/token', form, /tokens.*faas-cli login/],
  ['GET', '/.well-known/openid-configuration', undefined, /OpenID Connect.*jwt_auth/],
  ['POST', '/build', '\u0000 a tar', /builder.*faas-cli publish/],
];
for (const [method, path, body, told] of absent) {
  test(`${method} ${path} is 501 and names what there is not`, async (t) => {
    const reply = await fetch((await guardedUrl(t)) + path, { method, body });
    t.is(reply.status, 501);
    t.regex(await reply.text(), told);
  });
}
