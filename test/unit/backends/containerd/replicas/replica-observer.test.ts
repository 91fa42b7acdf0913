import test, { type ExecutionContext } from 'ava';
import { ReplicaObserver } from '../../../../../src/backends/containerd/replicas/replica-observer.ts';
import { refusal, script, serveScripted } from '../scripted-containerd.ts';

const namespace = 'openfaas-fn';
const nothing = new Set<string>();

/** An observer of a containerd with these replicas, and the calls that it makes. */
async function observing(t: ExecutionContext, replicas: Record<string, string>) {
  const told = script({ containers: { [namespace]: replicas } });
  const calls: string[] = [];
  told.before = (call) => void calls.push(call);
  const server = await serveScripted(told);
  t.teardown(() => server[Symbol.asyncDispose]());
  const observer = new ReplicaObserver(server.client);
  const ids = async (name: string, { known = nothing, skipped = nothing } = {}) =>
    (await observer.observe({ name, namespace }, known, skipped)).map(({ id }) => id).sort();
  /** Returns the calls since it was last asked. */
  const made = () => calls.splice(0).sort();
  return { told, observer, ids, made };
}

test('a thousand functions are found by one list, and those without replicas cost no call', async (t) => {
  const { ids, made } = await observing(t, { r1: 'busy', r2: 'busy', r3: 'other' });
  const names = Array.from({ length: 998 }, (_, i) => `asleep-${i}`);
  const found = await Promise.all(['busy', 'other', ...names].map((name) => ids(name)));
  t.deepEqual(found.slice(0, 3), [['r1', 'r2'], ['r3'], []]);
  const looks = ['Containers.Get', 'Containers.Get', 'Containers.Get'];
  const tasks = ['Tasks.Get', 'Tasks.Get', 'Tasks.Get'];
  t.deepEqual(made(), [...looks, 'Containers.ListStream', ...tasks]);
  await Promise.all(names.map((name) => ids(name)));
  t.deepEqual(made(), []);
});

test('a replica that we made is looked at by its id, without a list; one that is skipped is not', async (t) => {
  const { told, ids, made } = await observing(t, {});
  await ids('fn');
  made();
  told.containers[namespace] = { made: 'fn', busy: 'fn' };
  t.deepEqual(await ids('fn', { known: new Set(['made', 'busy']), skipped: new Set(['busy']) }), ['made']);
  t.deepEqual(made(), ['Containers.Get', 'Tasks.Get']);
});

test('what others made is found by the next list', async (t) => {
  const { told, observer, ids } = await observing(t, {});
  t.deepEqual(await ids('fn'), []);
  told.containers[namespace] = { theirs: 'fn' };
  t.deepEqual(await ids('fn'), []);
  observer.listAnew();
  t.deepEqual(await ids('fn'), ['theirs']);
});

test('a listed replica that has gone is not asked for again', async (t) => {
  const { told, ids, made } = await observing(t, { gone: 'fn' });
  t.deepEqual(await ids('fn'), ['gone']);
  told.containers[namespace] = {};
  t.deepEqual(await ids('fn'), []);
  made();
  t.deepEqual(await ids('fn'), []);
  t.deepEqual(made(), []);
});

test('a list that failed is asked for again by the next look', async (t) => {
  const { told, ids } = await observing(t, { r1: 'fn' });
  told.before = (call) => {
    if (call === 'Containers.ListStream') throw refusal('UNAVAILABLE', 'restarting');
  };
  await t.throwsAsync(ids('fn'), { message: /restarting/ });
  told.before = undefined;
  t.deepEqual(await ids('fn'), ['r1']);
});
