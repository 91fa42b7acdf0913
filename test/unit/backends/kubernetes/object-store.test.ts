import test from 'ava';
import { ObjectStore, type ClusterObject } from '../../../../src/backends/kubernetes/object-store.ts';

const object = (name: string, version: number, uid = name): ClusterObject => ({
  metadata: { name, uid, resourceVersion: String(version), labels: { of: name[0] ?? '' } },
});

function storeOf() {
  const store = new ObjectStore<ClusterObject>(({ metadata }) => metadata?.labels?.of ?? '');
  const told: string[] = [];
  store.onChange(({ group, before, now }) => told.push(`${group} ${before ? 1 : 0}${now ? 1 : 0}`));
  return { store, told, version: (name: string) => store.get(name)?.metadata?.resourceVersion };
}

test('changes are told with what was and what is, by group', (t) => {
  const { store, told } = storeOf();
  store.put(object('a1', 1));
  store.put(object('a1', 2));
  store.remove(object('a1', 3));
  t.deepEqual(told, ['a 01', 'a 11', 'a 10']);
  t.deepEqual(store.group('a'), []);
});

test('an event that is older than what is known changes nothing', (t) => {
  const { store, version } = storeOf();
  store.put(object('a1', 100));
  store.put(object('a1', 99));
  t.is(version('a1'), '100');
});

test('what we have removed does not come back with events that are late, and its name is free', (t) => {
  const { store, version } = storeOf();
  const first = object('a1', 5, 'first');
  store.put(first);
  store.forget(first);
  store.put(object('a1', 6, 'first'));
  t.is(version('a1'), undefined);
  store.put(object('a1', 7, 'second'));
  store.remove(object('a1', 8, 'first'));
  t.is(version('a1'), '7');
});

test('a list takes away what is not in it', (t) => {
  const { store, told } = storeOf();
  store.put(object('a1', 1));
  store.put(object('b1', 1));
  told.length = 0;
  store.replace([object('b1', 1), object('b2', 2)]);
  t.deepEqual(told, ['a 10', 'b 11', 'b 01']);
  t.is(store.group('b').length, 2);
});

test('who listens no more is told nothing', (t) => {
  const { store } = storeOf();
  let count = 0;
  const stop = store.onChange(() => (count += 1));
  store.put(object('a1', 1));
  stop();
  store.put(object('a1', 2));
  t.is(count, 1);
});
