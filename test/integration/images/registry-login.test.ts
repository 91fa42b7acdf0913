import { writeFile } from 'node:fs/promises';
import test from 'ava';
import { RegistryError } from '../../../src/registry/index.ts';
import { startContainerd, type TestContainerd } from '../../helpers/containerd.ts';
import { buildImage } from '../../helpers/images.ts';
import { registryPassword, registryUsername, startRegistry } from '../../helpers/registry.ts';
import { imagesOn } from './setup.ts';

let daemon: TestContainerd;

test.before(async () => {
  daemon = await startContainerd();
});
test.after.always(() => daemon?.stop());

for (const auth of ['basic', 'bearer'] as const) {
  test(`a registry with ${auth} auth takes a login that was made after it refused`, async (t) => {
    await using registry = await startRegistry({ auth });
    const under = await imagesOn(daemon.address);
    t.teardown(() => under.close());
    const { reference, digest } = await buildImage({ registry, name: 'private', layers: [{ a: '1' }, { b: '2' }] });

    const error = await t.throwsAsync(under.images.ensure(auth, reference), { instanceOf: RegistryError });
    t.is(error?.kind, 'denied');
    t.true(error?.message.includes(under.configFile));

    const login = Buffer.from(`${registryUsername}:${registryPassword}`).toString('base64');
    await writeFile(under.configFile, JSON.stringify({ auths: { [registry.host]: { auth: login } } }));
    t.is((await under.images.ensure(auth, reference)).digest, digest);
  });
}
