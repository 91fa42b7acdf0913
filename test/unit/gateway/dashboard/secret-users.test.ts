import test from 'ava';
import { usersOf } from '../../../../src/gateway/dashboard/browser/secret-users.ts';
import type { FunctionStatus } from '../../../../src/provider/index.ts';

test('a secret is used by functions that read it, and by those whose image is pulled with it', (t) => {
  const fn = (name: string, part: Partial<FunctionStatus>): FunctionStatus => ({
    ...{ name, namespace: 'fn', image: 'image', labels: {}, annotations: {}, replicas: 0, availableReplicas: 0 },
    ...part,
  });
  const all = [
    fn('reads', { secrets: ['db', 'hub'] }),
    fn('pulls', { annotations: { 'com.openfaas.image.pull-secret': ' hub ' } }),
    fn('neither', { secrets: ['hub2'], labels: { 'com.openfaas.image.pull-secret': 'hub' } }),
  ];
  const names = (secret: string) => usersOf(secret, all).map(({ name }) => name);
  t.deepEqual([names('hub'), names('db'), names('none')], [['reads', 'pulls'], ['reads'], []]);
});
