import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import test from 'ava';
import { callHeaders } from '../../../../src/gateway/calls/call-id.ts';

test('ids of calls are random UUIDs, also when more random bytes had to be fetched', (t) => {
  const ids = Array.from({ length: 1000 }, () => callHeaders(new IncomingMessage(new Socket()))['X-Call-Id'] ?? '');
  for (const id of ids) t.regex(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.is(new Set(ids).size, 1000);
  const digitsAt = (at: number) => new Set(ids.map((id) => id[at])).size;
  t.deepEqual([0, 7, 9, 15, 19, 20, 24, 35].map(digitsAt), [16, 16, 16, 16, 4, 16, 16, 16]);
});
