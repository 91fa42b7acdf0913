import test from 'ava';
import type { HistoryView } from '../../../../src/gateway/dashboard/wire.ts';
import { startGateway } from '../with-gateway.ts';

test('GET /system/function/NAME/history tells the last hour or day of a function that is there', async (t) => {
  const { url, provider } = await startGateway(t);
  provider.add('env', 1);
  const get = (path: string) => fetch(`${url}/system/function/${path}`);
  const hour = (await (await get('env/history')).json()) as HistoryView;
  t.deepEqual([hour.stepSeconds, hour.calls.length, hour.replicas.length], [10, 360, 360]);
  const day = (await (await get('env/history?span=day&namespace=openfaas-fn')).json()) as HistoryView;
  t.deepEqual([day.stepSeconds, day.p99Ms.length], [300, 288]);
  const asked = await Promise.all(
    ['env/history?span=year', 'env/history?namespace=..%2f..', '..%2Fenv/history', 'env/history?namespace=dev'].map(
      get,
    ),
  );
  t.deepEqual(
    asked.map(({ status }) => status),
    [400, 400, 400, 404],
  );
  t.regex(await (await get('env/history?span=year')).text(), /span must be hour or day/);
});
