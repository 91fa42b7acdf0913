import test from 'ava';
import {
  candidateDropped,
  isRestart,
  isSo,
  newGeneration,
  parseRecord,
  promoted,
  restarted,
  rolledBack,
  type FunctionRecord,
} from '../../../../../src/backends/containerd/desired/record.ts';
import { restartOf } from '../../../../../src/backends/containerd/rollout.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };
const createdAt = '2026-01-31T15:04:05.000Z';
const current = { ...newGeneration({ ...fn, image: 'fn:two' }, 'sha256:2'), createdAt };
const previous = newGeneration({ ...fn, image: 'fn:one' }, 'sha256:1');
const promotedAt = '2026-02-01T00:00:00.000Z';
const record: FunctionRecord = { schema: 1, current, previous, replicas: 2, asleep: false, promotedAt };

test('a restart takes over under an id of its own, and is no version: a rollback leads where it led before', (t) => {
  const begun = restarted(record);
  t.true(isRestart(begun));
  t.not(begun.candidate?.id, current.id);
  t.is(begun.current, current, 'the replicas that run stay wanted');
  const done = promoted(begun);
  t.is(begun.candidate?.id, done.current.id);
  t.like(done.current, { deployment: current.deployment, imageDigest: 'sha256:2', createdAt });
  t.is(done.current.restartOf, undefined);
  t.is(done.candidate, undefined);
  t.is(done.previous, previous);
  t.is(done.promotedAt, promotedAt, 'it is not watched as a new version is');
  t.is(rolledBack(done, 'asked').candidate?.deployment.image, 'fn:one');
});

test('who fell asleep while it was being restarted goes on sleeping', (t) => {
  t.true(promoted({ ...restarted(record), asleep: true }).asleep);
});

test('a restart that fails leaves what runs, and says that it was one', (t) => {
  const begun = restarted({ ...record, failure: { generation: 'x', reason: 'old', at: createdAt } });
  t.is(begun.failure, undefined);
  const dropped = candidateDropped(begun, begun.candidate?.id ?? '', 'its process exited with code 3');
  t.is(dropped.current, current);
  t.is(dropped.previous, previous);
  t.is(dropped.candidate, undefined);
  t.is(dropped.failure?.reason, 'a restart failed: its process exited with code 3');
});

test('a sleeping function is left as it is, one that is being updated refuses, one that is being restarted begins anew', (t) => {
  const asleep = { ...record, asleep: true };
  t.is(restartOf(fn, asleep), asleep);
  const candidate = newGeneration({ ...fn, image: 'fn:three' });
  t.throws(() => restartOf(fn, { ...record, candidate }), { message: /^function fn\.openfaas-fn is being updated/ });
  const once = restartOf(fn, record);
  const twice = restartOf(fn, once);
  t.true(isRestart(twice));
  t.not(twice.candidate?.id, once.candidate?.id);
});

test('a function that is being restarted is still what its file says', (t) => {
  t.true(isSo(restarted(record), current.deployment));
  t.false(isSo(restarted(record), previous.deployment));
  t.false(isSo({ ...record, candidate: newGeneration(previous.deployment) }, current.deployment));
});

test('the record of a restart is read back, and has nothing but one field that the berth before passes over', (t) => {
  const read = parseRecord(JSON.stringify(restarted(record)));
  t.true(isRestart(read));
  const { restartOf: field, ...rest } = read.candidate ?? newGeneration(fn as never);
  t.is(field, current.id);
  t.deepEqual(Object.keys(rest).sort(), Object.keys(current).sort());
  t.deepEqual(Object.keys(read).sort(), [...Object.keys(record), 'candidate'].sort());
});
