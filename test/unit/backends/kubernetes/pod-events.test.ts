import test from 'ava';
import { podHappenings } from '../../../../src/backends/kubernetes/pod-events.ts';
import { containerStatus, podOf, readyStatus } from './cluster-objects.ts';

const starting = podOf('p', 'g1', containerStatus({ state: { waiting: { reason: 'ContainerCreating' } } }));
const ready = podOf('p', 'g1', readyStatus);
const crashed = (reason: string, restartCount: number) =>
  podOf('p', 'g1', containerStatus({ restartCount, state: { terminated: { exitCode: 1, reason } } }));
const kinds = (...[before, now]: Parameters<typeof podHappenings>) =>
  podHappenings(before, now).map(({ kind }) => kind);

test('a replica that becomes ready is told once', (t) => {
  t.deepEqual(kinds(starting, ready), ['replica-ready']);
  t.deepEqual(kinds(ready, ready), []);
});

test('a process that ends is told, and each further time', (t) => {
  t.deepEqual(kinds(ready, crashed('Error', 0)), ['replica-exited']);
  t.deepEqual(kinds(crashed('Error', 0), crashed('Error', 0)), []);
  t.deepEqual(kinds(crashed('Error', 0), crashed('OOMKilled', 1)), ['out-of-memory']);
});

test('what keeps a replica from starting is told in words', (t) => {
  const waiting = { waiting: { reason: 'ErrImagePull', message: 'not found' } };
  const [happening] = podHappenings(starting, podOf('p', 'g1', containerStatus({ state: waiting })));
  t.regex(happening?.text ?? '', /cannot start: image .* cannot be pulled/);
});

test('a replica that ends as it was asked to is no news', (t) => {
  const ending = { ...crashed('Completed', 0), metadata: { ...ready.metadata, deletionTimestamp: new Date(0) } };
  t.deepEqual(kinds(ready, ending), []);
});
