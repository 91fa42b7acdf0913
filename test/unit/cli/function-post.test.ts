import test from 'ava';
import { runVerb } from './run-verb.ts';
import { serveTold } from './told-provider.ts';

test('functions are restarted and rolled back by name, one after the other', async (t) => {
  const { provider, env } = await serveTold(t);
  const { code, stdout } = await runVerb(['restart', 'env', 'cat.staging'], env);
  t.is(code, 0);
  t.is(stdout, 'env.openfaas-fn is being restarted\ncat.staging is being restarted\n');
  t.is((await runVerb(['rollback', 'env', '-n', 'staging'], env)).stdout, 'env.staging is being rolled back\n');
  t.deepEqual(provider.changed, [
    ['restart', { name: 'env', namespace: 'openfaas-fn' }],
    ['restart', { name: 'cat', namespace: 'staging' }],
    ['rollback', { name: 'env', namespace: 'staging' }],
  ]);
});

test('what cannot be done is said, and what comes behind it is not begun', async (t) => {
  const { provider, env } = await serveTold(t);
  const { code, stderr } = await runVerb(['restart', 'absent', 'cat'], env);
  t.is(code, 1);
  t.is(stderr, 'berth restart: function absent.openfaas-fn not found\n');
  t.is(provider.changed.length, 1);
});

test('a name that is none, or no name at all, is wrong use', async (t) => {
  for (const args of [[], ['Env'], ['../env'], ['env', 'a.b.c/d'], ['env', '-n', 'No']]) {
    const { code, stderr } = await runVerb(['restart', ...args]);
    t.is(code, 2, args.join(' '));
    t.regex(stderr, /see berth restart --help\n$/);
  }
});
