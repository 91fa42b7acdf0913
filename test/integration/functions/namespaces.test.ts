import test from 'ava';
import { startBerth } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { startRegistry } from '../../helpers/registry.ts';

test.serial(
  'a namespace is made, used, refused to go while it holds anything, and goes when it is empty',
  async (t) => {
    await using containerd = await startContainerd();
    await using registry = await startRegistry();
    await using berth = await startBerth({ containerd });
    const { reference: image } = await functionImage(registry);
    const listed = async () => JSON.parse((await berth.api('GET', '/system/namespaces')).text) as string[];

    const dev = { name: 'dev', labels: { openfaas: '1', team: 'blue' }, annotations: { note: 'kept "as is"' } };
    t.is((await berth.api('POST', '/system/namespace/', dev)).status, 201);
    t.is((await berth.api('POST', '/system/namespace/', dev)).status, 409);
    t.deepEqual(await listed(), ['dev', 'openfaas-fn']);
    t.like(JSON.parse((await berth.api('GET', '/system/namespace/dev')).text), dev);
    t.is((await berth.api('GET', '/system/namespace/moby')).status, 404);

    t.is((await berth.api('POST', '/system/functions', { service: 'hello', namespace: 'dev', image })).status, 202);
    t.is((await berth.invoke('hello.dev')).status, 200);
    const refused = await berth.api('DELETE', '/system/namespace/dev', dev);
    t.is(refused.status, 409);
    t.regex(refused.text, /function hello/);

    await berth.api('DELETE', '/system/functions', { functionName: 'hello', namespace: 'dev' });
    const removed = await berth.api('DELETE', '/system/namespace/dev', dev);
    t.is(removed.status, 202, removed.text);
    t.deepEqual(await listed(), ['openfaas-fn']);
    t.is((await berth.api('DELETE', '/system/namespace/openfaas-fn', { name: 'openfaas-fn' })).status, 400);
  },
);
