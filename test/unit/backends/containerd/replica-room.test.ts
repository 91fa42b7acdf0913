import test from 'ava';
import { createLog } from '../../../../src/base/log.ts';
import { ReplicaRoom } from '../../../../src/backends/containerd/replica-room.ts';
import { BadRequestError } from '../../../../src/provider/index.ts';

const gibibyte = 2 ** 30;
const plain = { name: 'fn', namespace: 'openfaas-fn', image: 'fn' };
const limited = { ...plain, limits: { memory: '512Mi' } };
const asking = { ...limited, requests: { memory: '128Mi' } };

function roomOf(memory: { total: number; available: number }, addresses = 1000, taken = () => 0) {
  const lines: string[] = [];
  const room = new ReplicaRoom({
    addresses,
    taken,
    memory: { total: () => memory.total, available: () => memory.available },
    log: createLog({ write: (line) => lines.push(line) }),
  });
  return { room, lines, memory };
}

test('more replicas than the memory of the host holds are refused, by their requests or else their limits', (t) => {
  const { room } = roomOf({ total: 4 * gibibyte, available: gibibyte });
  t.notThrows(() => room.require('replicas', limited, 8));
  t.throws(() => room.require('replicas', limited, 9), {
    instanceOf: BadRequestError,
    message: /^replicas: 9 is more than the 4096 MiB of memory of this host hold \(512 MiB each, .*\): ask for fewer/,
  });
  t.notThrows(() => room.require('replicas', asking, 32));
  t.throws(() => room.require('replicas', asking, 33), { message: /128 MiB each/ });
  t.notThrows(() => room.require('replicas', plain, 1000));
  t.throws(() => room.require('replicas', plain, 1001), { message: /^replicas: 1001 is more than the 1000 addresses/ });
  t.notThrows(() => room.require('replicas', { ...plain, limits: { memory: '8Gi' } }, 1), 'one may always be tried');
});

test('load is given as many replicas as free memory holds, which is told once until all are given', (t) => {
  const { room, lines, memory } = roomOf({ total: 4 * gibibyte, available: 1.5 * gibibyte });
  t.is(room.given(limited, 2, 10), 4);
  t.is(room.given(limited, 2, 10), 4);
  t.is(lines.length, 1);
  t.regex(
    lines[0] ?? '',
    /10 replicas are more than the 1536 MiB of memory that are free allow.*fn\.openfaas-fn.*given=4/,
  );
  t.is(room.given(limited, 4, 2), 2);
  t.is(room.given(limited, 0, 8), 8, 'a wake is not held up');
  memory.available = 0.1 * gibibyte;
  t.is(room.given(limited, 2, 3), 2);
  t.is(room.given(plain, 2, 20), 2, 'nothing is added where next to nothing is free');
  memory.available = gibibyte;
  t.is(room.given(plain, 2, 20), 20);
  t.is(lines.length, 2);
});

test('load takes no replicas away that are there, though by now the host is said to hold fewer', (t) => {
  const { room } = roomOf({ total: 4 * gibibyte, available: gibibyte });
  const larger = { ...plain, limits: { memory: '1Gi' } };
  t.is(room.given(larger, 8, 9), 8);
  t.is(room.given(larger, 8, 6), 6, 'but for those that the load does not need');
});

test('load is given no more addresses than replicas of all functions have left', (t) => {
  let taken = 7;
  const { room, lines } = roomOf({ total: 4 * gibibyte, available: 4 * gibibyte }, 13, () => taken);
  t.is(room.given(plain, 2, 12), 8);
  t.regex(
    lines[0] ?? '',
    /12 replicas are more than the 6 addresses of the subnet that are free allow: .*larger subnet/,
  );
  taken = 13;
  t.is(room.given(plain, 8, 12), 8);
  t.is(room.given(plain, 0, 3), 3, 'a wake is not held up: what sleeps may have its address');
  taken = 14;
  t.is(room.given(plain, 8, 9), 8, 'nor is any taken away while versions change');
});
