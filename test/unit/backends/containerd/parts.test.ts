import test from 'ava';
import { Parts } from '../../../../src/backends/containerd/parts.ts';
import { createLog } from '../../../../src/base/log.ts';

test('a part that is not well is listed with its problem, and each change is logged once', (t) => {
  const lines: string[] = [];
  const parts = new Parts(createLog({ write: (line) => lines.push(line) }));
  parts.set('disk', undefined);
  parts.set('firewall', 'no nft');
  parts.set('firewall', 'no nft');
  t.deepEqual(parts.list(), [
    { name: 'disk', healthy: true, problem: undefined },
    { name: 'firewall', healthy: false, problem: 'no nft' },
  ]);
  parts.set('firewall', undefined);
  t.true(parts.list().every(({ healthy }) => healthy));
  t.deepEqual(
    lines.map((line) => line.slice(line.indexOf(' ') + 1)),
    ['warn firewall is not well: no nft\n', 'info firewall is well again\n'],
  );
});
