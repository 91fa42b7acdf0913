import test from 'ava';
import { startBerth } from '../../helpers/berth.ts';
import { startContainerd } from '../../helpers/containerd.ts';
import { functionImage } from '../../helpers/functions.ts';
import { startRegistry } from '../../helpers/registry.ts';

test.serial('a function is deployed, listed, called, updated and removed', async (t) => {
  await using containerd = await startContainerd();
  await using registry = await startRegistry();
  await using berth = await startBerth({ containerd });
  const { reference: image } = await functionImage(registry, { env: ['VERSION=one'] });
  const { reference: second } = await functionImage(registry, { tag: 'two', env: ['VERSION=two'] });
  try {
    const deployed = await berth.api('POST', '/system/functions', { service: 'hello', image });
    t.is(deployed.status, 202, deployed.text);
    const status = await berth.api('GET', '/system/function/hello');
    t.is(status.status, 200);
    t.like(JSON.parse(status.text), {
      name: 'hello',
      image,
      namespace: 'openfaas-fn',
      replicas: 1,
      availableReplicas: 1,
    });
    const called = await berth.invoke('hello');
    t.is(called.status, 200);
    t.regex(called.text, /one/);
    t.truthy(called.headers.get('x-call-id'));

    const updated = await berth.api('PUT', '/system/functions', { service: 'hello', image: second });
    t.is(updated.status, 200, updated.text);
    t.regex((await berth.invoke('hello')).text, /two/);

    t.is((await berth.api('DELETE', '/system/functions', { functionName: 'hello' })).status, 202);
    t.is((await berth.invoke('hello')).status, 404);
  } finally {
    t.log(await berth.log());
  }
});
