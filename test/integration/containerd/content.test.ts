import test from 'ava';
import {
  isAlreadyExists,
  isCancelled,
  isFailedPrecondition,
  isNotFound,
  isUnavailable,
} from '../../../src/containerd/index.ts';
import { randomBlob, store, setUp, type Setup } from './setup.ts';

let setup: Setup;

test.before(async () => {
  setup = await setUp();
});

test.after.always(async () => {
  await setup?.[Symbol.asyncDispose]();
});

test('a blob is written in pieces, read back whole and labelled', async (t) => {
  const { content } = await setup.leasedNamespace();
  const { data, digest } = randomBlob(3 * 1024 * 1024 + 17);
  const writer = await content.openWriter({ ref: 'r1', total: data.length, expected: digest });
  t.is(writer.offset, 0);
  await writer.write(data.subarray(0, 100));
  await writer.write(data.subarray(100));
  t.is(writer.offset, data.length);
  await writer.commit({ labels: { a: 'b' } });
  await writer.close();

  t.like(await content.info(digest), { digest, size: data.length, labels: { a: 'b' } });
  t.true(data.equals(await content.readAll(digest)));

  const key = 'containerd.io/gc.ref.content.m.0';
  t.is((await content.update({ digest, labels: { [key]: digest } }, [`labels.${key}`])).labels[key], digest);
  t.true(isNotFound(await t.throwsAsync(content.readAll(randomBlob(1).digest))));
});

test('a blob that is there is refused at once', async (t) => {
  const client = await setup.leasedNamespace();
  const bytes = randomBlob(10);
  await store(client, bytes);
  t.true(isAlreadyExists(await t.throwsAsync(store(client, bytes))));
});

test('a blob of another namespace needs only a commit', async (t) => {
  const bytes = randomBlob(1000);
  await store(await setup.leasedNamespace(), bytes);
  const { content } = await setup.leasedNamespace();
  const writer = await content.openWriter({ ref: 'r', total: 1000, expected: bytes.digest });
  t.is(writer.offset, 1000);
  await writer.commit();
  t.true(bytes.data.equals(await content.readAll(bytes.digest)));
});

test('a later writer goes on where a closed one stopped', async (t) => {
  const { content } = await setup.leasedNamespace();
  const { data, digest } = randomBlob(5000);
  const wanted = { ref: 'resumed', total: data.length, expected: digest };
  const first = await content.openWriter(wanted);
  await first.write(data.subarray(0, 2000));
  await first.close();

  const second = await content.openWriter(wanted);
  t.is(second.offset, 2000);
  await second.write(data.subarray(2000));
  await second.commit();
  t.true(data.equals(await content.readAll(digest)));
});

test('after a commit of wrong bytes the next writer begins at 0 and succeeds', async (t) => {
  const { content } = await setup.leasedNamespace();
  const { data, digest } = randomBlob(5000);
  const wanted = { ref: 'wrong', total: data.length, expected: digest };
  const first = await content.openWriter(wanted);
  await first.write(Buffer.alloc(5000));
  t.true(isFailedPrecondition(await t.throwsAsync(first.commit())));
  await first.close();

  const second = await content.openWriter(wanted);
  t.is(second.offset, 0);
  await second.write(data);
  await second.commit();
  t.is((await content.info(digest)).size, 5000);
});

test('two writers of one blob under different refs both succeed', async (t) => {
  const { content } = await setup.leasedNamespace();
  const { data, digest } = randomBlob(100);
  const writers = await Promise.all(
    ['r1', 'r2'].map((ref) => content.openWriter({ ref, total: 100, expected: digest })),
  );
  for (const writer of writers) await writer.write(data);
  for (const writer of writers) await writer.commit();
  t.is((await content.info(digest)).size, 100);
});

test('a second writer of one ref waits for the first', async (t) => {
  const { content } = await setup.leasedNamespace();
  const { data, digest } = randomBlob(100);
  const wanted = { ref: 'shared', total: 100, expected: digest };
  const first = await content.openWriter(wanted);
  await first.write(data.subarray(0, 60));
  const error = await t.throwsAsync(content.openWriter(wanted, { timeoutMs: 30 }));
  t.true(isUnavailable(error));

  const waiting = content.openWriter(wanted);
  await first.close();
  const second = await waiting;
  t.is(second.offset, 60);
  await second.close();
});

test('a signal ends a writer and frees the ref for the next', async (t) => {
  const { content } = await setup.leasedNamespace();
  const { data, digest } = randomBlob(100);
  const wanted = { ref: 'left', total: 100, expected: digest };
  const abort = new AbortController();
  const first = await content.openWriter(wanted, { signal: abort.signal });
  await first.write(data.subarray(0, 60));
  abort.abort();
  t.true(isCancelled(await t.throwsAsync(first.write(data.subarray(60)))));
  await first.close();
  const second = await content.openWriter(wanted);
  t.is(second.offset, 60);
  await second.close();
});
