import test from 'ava';
import { stackRoute } from '../../../src/daemon/stack-route.ts';
import type { StackView } from '../../../src/gateway/index.ts';
import type { NamespaceVerbs } from '../../../src/provider/index.ts';
import { startGateway } from '../gateway/with-gateway.ts';
import { CountingProvider } from '../gateway/counting-provider.ts';

test('a stack that is sent is answered as deployments, with what each would change', async (t) => {
  const provider = new CountingProvider();
  provider.add('same', 1);
  provider.add('other', 1);
  const namespaces = { list: () => Promise.resolve(['openfaas-fn']) } as NamespaceVerbs;
  const { url } = await startGateway(t, { routes: [stackRoute(Object.assign(provider, { namespaces }))] });
  const ask = async (body: unknown) => fetch(`${url}/system/stack`, { method: 'POST', body: JSON.stringify(body) });
  const stack = `functions:
  same: { image: test }
  other: { image: test:2, unheard: 1 }
  new: { image: test, namespace: none }
`;
  const view = (await (await ask({ stack })).json()) as StackView;
  t.deepEqual(
    view.functions.map(({ deployment, isNew, isSame, line }) => [deployment.name, isNew, isSame, line]),
    [
      ['same', false, true, 2],
      ['other', false, false, 3],
      ['new', true, false, 4],
    ],
  );
  t.deepEqual(view.problems, ['namespace none is not there: create it first']);
  t.deepEqual(view.warnings, ['stack.yml:3: function other: unheard is not known']);
  const broken = (await (await ask({ stack: 'functions: [' })).json()) as StackView;
  t.deepEqual([broken.functions.length, broken.problems.length > 0], [0, true]);
  for (const body of [{}, { stack: 1 }, []]) t.is((await ask(body)).status, 400, JSON.stringify(body));
});
