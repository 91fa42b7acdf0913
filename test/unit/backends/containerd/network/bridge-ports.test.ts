import test from 'ava';
import { BridgePorts } from '../../../../../src/backends/containerd/network/bridge-ports.ts';
import { silentLog } from '../../../../../src/base/log.ts';

test('a port that is just being attached is isolated without a word, one that was isolated before with one', async (t) => {
  const ports = new BridgePorts({
    bridge: 'no-such-bridge',
    attachedIds: () => Promise.resolve([]),
    withPort: () => Promise.resolve(),
    canMake: true,
    log: silentLog,
  });
  const port = { name: 'no-such-port', kind: 'veth', master: 'no-such-bridge', isUp: true, mtu: 1500 };
  const look = (isIsolated: boolean) =>
    ports.keep([{ ...port, isIsolated, isLearning: false, isLoopback: false, addresses: [] }], 1500);
  t.deepEqual(await look(false), []);
  t.deepEqual(await look(true), []);
  t.deepEqual(await look(false), ['1 ports of functions were not isolated']);
});
