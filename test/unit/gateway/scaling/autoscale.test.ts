import test from 'ava';
import { until } from '../../../helpers/poll.ts';
import { scale } from './scaled-world.ts';
import { startGateway } from '../with-gateway.ts';

test('the running gateway puts an idle function to sleep, a call wakes it, and it sleeps again', async (t) => {
  const { url, provider, gateway } = await startGateway(t);
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  void gateway.autoscale(stopping.signal);
  const status = provider.add('env', 1, scale({ zero: 'true', 'zero-duration': '100ms' }));
  await until(() => status.replicas === 0);
  t.is((await fetch(`${url}/function/env`)).status, 200);
  await until(() => status.replicas === 0);
  t.deepEqual(
    provider.scaled.map(([, replicas]) => replicas),
    [0, 1, 0],
  );
});

test('a stream that is open keeps a function awake', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { url, provider, gateway } = await startGateway(t, {
    listener: (_req, res) => {
      res.write('begun');
      void promise.then(() => res.end());
    },
  });
  const stopping = new AbortController();
  t.teardown(() => stopping.abort());
  const status = provider.add('env', 1, scale({ zero: 'true', 'zero-duration': '10ms' }));
  const other = provider.add('other', 1, scale({ zero: 'true', 'zero-duration': '10ms' }));
  const reply = await fetch(`${url}/function/env`);
  void gateway.autoscale(stopping.signal);
  await until(() => other.replicas === 0);
  other.replicas = 1;
  await until(() => other.replicas === 0);
  t.is(status.replicas, 1);
  resolve();
  await reply.text();
  await until(() => status.replicas === 0);
});

test('once aborted it has stopped, and nothing is scaled any more', async (t) => {
  const { provider, gateway } = await startGateway(t);
  const stopping = new AbortController();
  const running = gateway.autoscale(stopping.signal);
  stopping.abort();
  await running;
  let listed = 0;
  provider.list = () => {
    listed += 1;
    return Promise.resolve([]);
  };
  await gateway.autoscale(AbortSignal.abort());
  t.is(listed, 0);
});
