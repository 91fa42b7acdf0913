import test, { type ExecutionContext } from 'ava';
import { AttachmentPool } from '../../../../../src/backends/containerd/network/index.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { until } from '../../../../helpers/poll.ts';

/** A pool on a host with so many addresses, which cannot be counted the first times; `failing` ids cannot be attached. */
function world(t: ExecutionContext, { size = 2, addresses = 10, failing = [] as string[], unreadable = 0 } = {}) {
  const attached = new Set<string>();
  let made = 0;
  let looks = 0;
  const pool = new AttachmentPool({
    size,
    newId: () => `id-${++made}`,
    attach: (id) => (failing.includes(id) ? Promise.reject(new Error('no')) : Promise.resolve(attached.add(id))),
    detach: (id) => Promise.resolve(void attached.delete(id)),
    hasRoom: () =>
      ++looks > unreadable ? Promise.resolve(attached.size < addresses) : Promise.reject(new Error('no')),
    log: silentLog,
  });
  t.teardown(() => pool.stop());
  const filled = (count: number) => until(() => attached.size === count, { message: `${count} attachments` });
  return { pool, attached, filled };
}

test('as many as asked for are attached ahead, and one that is taken is made up for', async (t) => {
  const { pool, attached, filled } = world(t);
  t.is(pool.take(), undefined);
  await filled(2);
  await until(() => pool.has('id-2'));
  t.is(pool.take(), 'id-1');
  t.false(pool.has('id-1'));
  await filled(3);
  t.deepEqual([...attached], ['id-1', 'id-2', 'id-3']);
});

test('what was never taken goes with the pool, what was taken stays', async (t) => {
  const { pool, attached, filled } = world(t);
  pool.fillSoon(0);
  await filled(2);
  pool.take();
  await pool.stop();
  t.deepEqual([...attached], ['id-1']);
  pool.fillSoon(0);
  t.is(pool.take(), undefined);
});

test('one that is ready is given up for whoever finds no address, and none is made where there are few', async (t) => {
  const { pool, attached, filled } = world(t, { addresses: 1 });
  pool.fillSoon(0);
  await filled(1);
  await until(() => pool.release());
  t.deepEqual([...attached], []);
  t.false(pool.has('id-1'));
  t.false(await pool.release());
});

test('one that cannot be attached is nobody’s, and the next is tried', async (t) => {
  const { pool, attached } = world(t, { size: 1, failing: ['id-1'] });
  await until(() => {
    pool.fillSoon(0);
    return attached.size === 1;
  });
  t.false(pool.has('id-1'));
  t.deepEqual([...attached], ['id-2']);
});

test('where it cannot be told how many addresses there are, none is made, and it is looked again', async (t) => {
  const { pool, attached } = world(t, { size: 1, unreadable: 1 });
  await until(() => {
    pool.fillSoon(0);
    return attached.size === 1;
  });
  t.deepEqual([...attached], ['id-1']);
});
