import test from 'ava';
import { recordExit, recordOutOfMemory } from '../../../../../src/backends/containerd/reconcile/exit-reason.ts';
import { ReplicaState } from '../../../../../src/backends/containerd/reconcile/function-state.ts';

const atMs = Date.UTC(2026, 0, 1);

test('an exit is told by its code or signal', (t) => {
  const replica = new ReplicaState('r', 'g');
  t.like(recordExit(replica, 3, atMs), { reason: 'its process exited with code 3', at: new Date(atMs) });
  t.is(recordExit(replica, 137, atMs).reason, 'its process was ended by signal 9');
});

test('the kernel’s word about memory explains an exit that comes after it, or that came just before', (t) => {
  const before = new ReplicaState('r', 'g');
  t.false(recordOutOfMemory(before, atMs));
  t.regex(recordExit(before, 137, atMs + 100).reason, /out of memory/);

  const after = new ReplicaState('r', 'g');
  recordExit(after, 137, atMs);
  t.true(recordOutOfMemory(after, atMs + 100));
  t.regex(after.lastExit?.reason ?? '', /out of memory/);
  t.is(
    recordExit(after, 137, atMs + 200).reason,
    'its process was ended by signal 9',
    'the next is not explained by it',
  );
});

test('it explains no exit of long ago, and none by a code of the program’s own', (t) => {
  for (const [exitStatus, laterMs] of [
    [137, 60_000],
    [1, 100],
  ] as const) {
    const replica = new ReplicaState('r', 'g');
    const { reason } = recordExit(replica, exitStatus, atMs);
    t.false(recordOutOfMemory(replica, atMs + laterMs));
    t.is(replica.lastExit?.reason, reason);
  }
});
