import test from 'ava';
import { JetstreamQueue } from '../../../src/gateway/async/jetstream-queue.ts';
import { parseNatsAddress } from '../../../src/gateway/async/nats-address.ts';
import { silentLog } from '../../../src/base/log.ts';
import { startNatsServer, type TestNatsServer } from '../../helpers/nats-server.ts';
import { testQueue } from '../../helpers/queue-conformance.ts';

let server: TestNatsServer;
let queues = 0;
test.before(async () => {
  server = await startNatsServer();
});
test.after.always(() => server[Symbol.asyncDispose]());

testQueue(() => {
  const name = `queue-${++queues}`;
  const address = parseNatsAddress(server.host);
  return Promise.resolve({
    open: ({ maxCalls = 1000, maxBytes = 1e9 } = {}) =>
      JetstreamQueue.open({ address, name, log: silentLog, maxCalls, maxBytes }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
