import test from 'ava';
import { splitFunctionUrl } from '../../../../src/provider/proxy/index.ts';

const options = { defaultNamespace: 'openfaas-fn' };

const valid: [string, [string, string, string]][] = [
  ['/function/env', ['env', 'openfaas-fn', '/']],
  ['/function/env/', ['env', 'openfaas-fn', '/']],
  ['/function/env?a=b', ['env', 'openfaas-fn', '/?a=b']],
  ['/function/env.dev', ['env', 'dev', '/']],
  ['/function/env.dev/a.b/c?d=e/f', ['env', 'dev', '/a.b/c?d=e/f']],
  ['/function/env//a/../b', ['env', 'openfaas-fn', '//a/../b']],
  ['/function/env?x=/y.z', ['env', 'openfaas-fn', '/?x=/y.z']],
  ['/function/a-1', ['a-1', 'openfaas-fn', '/']],
];
for (const [url, [name, namespace, path]] of valid) {
  test(`${url} calls ${name} in ${namespace} with ${path}`, (t) => {
    t.deepEqual(splitFunctionUrl(url, options), { name, namespace, path });
  });
}

for (const url of [
  '/function/', '/function', '/function//a', '/function/?a', '/function/.dev', '/function/env.', '/function/a.b.c',
  '/function/Env', '/function/e_v', '/function/-a', '/function/a-', '/function/e%6ev', '/function/..', '/function/../x',
  `/function/${'a'.repeat(64)}`, '/functions/env', '', '*',
]) {
  test(`${url.slice(0, 30)} names no function`, (t) => {
    t.is(splitFunctionUrl(url, options), undefined);
  });
} // prettier-ignore

test('another prefix splits alike', (t) => {
  t.deepEqual(splitFunctionUrl('/async-function/env.dev/a', { ...options, prefix: '/async-function/' }), {
    name: 'env',
    namespace: 'dev',
    path: '/a',
  });
});
