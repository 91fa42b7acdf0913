import test from 'ava';
import { KubernetesError } from '../../../../src/backends/kubernetes/kubernetes-error.ts';
import { KindFollower, type KindSource, type WatchEvent } from '../../../../src/backends/kubernetes/list-watch.ts';
import { ObjectStore, type ClusterObject } from '../../../../src/backends/kubernetes/object-store.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { until } from '../../../helpers/poll.ts';

const object = (name: string, version: string): ClusterObject => ({
  metadata: { name, uid: name, resourceVersion: version },
});
const names = (store: ObjectStore<ClusterObject>) => store.all().map(({ metadata }) => metadata?.name);

/** A cluster that lists and watches as it is told to; each watch that has no turn left lasts. */
function scripted(
  lists: (string[] | Error)[],
  watches: ((onEvent: (event: WatchEvent<ClusterObject>) => void) => void)[],
) {
  const from: string[] = [];
  const source: KindSource<ClusterObject> = {
    what: 'things',
    list: () => {
      const next = lists.shift() ?? [];
      if (next instanceof Error) return Promise.reject(next);
      return Promise.resolve({ items: next.map((name) => object(name, '1')), version: `list-${lists.length}` });
    },
    watch: async (version, onEvent, signal) => {
      from.push(version);
      const turn = watches.shift();
      if (turn) return turn(onEvent);
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  };
  return { source, from };
}

async function follow(...script: Parameters<typeof scripted>) {
  const { source, from } = scripted(...script);
  const ending = new AbortController();
  const store = new ObjectStore<ClusterObject>();
  const kind = new KindFollower(source, store, { signal: ending.signal, log: silentLog });
  await kind.listed;
  return { store, from, kind, end: () => ending.abort() };
}

test('what is listed is there, and what the watch tells comes and goes', async (t) => {
  const { store, end } = await follow(
    [['a', 'b']],
    [
      (onEvent) => {
        onEvent({ type: 'ADDED', object: object('c', '5') });
        onEvent({ type: 'DELETED', object: object('a', '6') });
      },
    ],
  );
  await until(() => names(store).join() === 'b,c');
  end();
  t.pass();
});

test('a watch that ends goes on from the version of its last event, a bookmark too', async (t) => {
  const { from, end } = await follow([['a']], [(onEvent) => onEvent({ type: 'BOOKMARK', object: object('', '77') })]);
  await until(() => from.length === 2);
  t.deepEqual(from, ['list-0', '77']);
  end();
});

test('a watch that breaks goes on, and what is known stays meanwhile', async (t) => {
  const broken = () => {
    throw new KubernetesError('watch things', 0, { message: 'connection refused' });
  };
  const { store, from, kind, end } = await follow([['a']], [broken, broken]);
  await until(() => kind.problem !== undefined);
  t.deepEqual(names(store), ['a']);
  await until(() => from.length === 3);
  await until(() => kind.problem === undefined);
  end();
});

test('where the version has expired all is listed anew, and what went meanwhile goes', async (t) => {
  const expired = () => {
    throw new KubernetesError('watch things', 410, { reason: 'Expired' });
  };
  const { store, end } = await follow([['a', 'b'], ['b']], [expired]);
  await until(() => names(store).join() === 'b');
  end();
  t.pass();
});

test('a cluster that is away at the start is waited for', async (t) => {
  const { store, end } = await follow([new KubernetesError('list things', 0, {}), ['a']], []);
  t.deepEqual(names(store), ['a']);
  end();
});

test('who may not list is not waited for', async (t) => {
  const { store, end } = await follow([new KubernetesError('list things', 403, {})], []);
  t.deepEqual(names(store), []);
  end();
});
