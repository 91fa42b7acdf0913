import test from 'ava';
import { lookAtRegistry } from '../../../src/registry/index.ts';

test('what a look says of a proxy has no login in it', async (t) => {
  const looks = await lookAtRegistry('registry.example', {
    hostsDir: '/nonexistent',
    proxyEnv: { HTTPS_PROXY: 'http://user:p@ss@127.0.0.1:1' },
    userAgent: 'test',
    signal: AbortSignal.timeout(10_000),
  });
  t.is(looks[0]?.proxy, 'http://127.0.0.1:1');
  t.false(JSON.stringify(looks).includes('ss@'));
});
