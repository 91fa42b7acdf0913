import test from 'ava';
import type { V1PodStatus } from '@kubernetes/client-node';
import { lastExitOf, podTrouble, type TroubleKind } from '../../../../src/backends/kubernetes/pod-trouble.ts';
import { containerStatus, podOf, readyStatus } from './cluster-objects.ts';

const waiting = (reason: string, message?: string) => containerStatus({ state: { waiting: { reason, message } } });
const ended = (fields: object) => ({ terminated: { exitCode: 1, finishedAt: new Date(1000), ...fields } });

const cases: [what: string, status: V1PodStatus, kind: TroubleKind, words: RegExp][] = [
  [
    'an image that is not there',
    waiting('ErrImagePull', 'not found'),
    'image',
    /image .* cannot be pulled .*not found/,
  ],
  ['an image that is waited for', waiting('ImagePullBackOff'), 'image', /cannot be pulled \(ImagePullBackOff\)/],
  ['a container that cannot be made', waiting('CreateContainerConfigError', 'bad user'), 'container', /bad user/],
  [
    'a crash loop',
    containerStatus({
      state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 10s' } },
      lastState: ended({ exitCode: 3 }),
    }),
    'crash',
    /ended: with exit code 3 at 1970-01-01T00:00:01\.000Z, and waits for its next start \(CrashLoopBackOff\)/,
  ],
  ['a process that ended', containerStatus({ state: ended({ reason: 'OOMKilled' }) }), 'crash', /ran out of memory/],
  [
    'no room',
    { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'Insufficient cpu' }] },
    'room',
    /unschedulable.*Insufficient cpu/,
  ],
  [
    'a process that is not ready',
    containerStatus({ state: { running: { startedAt: new Date(0) } } }),
    'unready',
    /readiness probe/,
  ],
  [
    'a process that was started again and is not ready',
    containerStatus({ state: { running: { startedAt: new Date(2000) } }, lastState: ended({ exitCode: 3 }) }),
    'restarted',
    /process ended: with exit code 3 at .*, and was started again/,
  ],
];

for (const [what, status, kind, words] of cases)
  test(`${what} is told`, (t) => {
    const trouble = podTrouble(podOf('p', 'g1', status));
    t.is(trouble?.kind, kind);
    t.regex(trouble?.words ?? '', words);
    t.notRegex(trouble?.summary ?? '', /registry|cpu|user/);
  });

test('a Pod that is ready, or starts, has no trouble', (t) => {
  t.is(podTrouble(podOf('p', 'g1', readyStatus)), undefined);
  t.is(podTrouble(podOf('p', 'g1', waiting('ContainerCreating'))), undefined);
  t.is(podTrouble(podOf('p', 'g1')), undefined);
});

test('the end of a process is told whether the cluster gives a date or a text', (t) => {
  const text = { terminated: { exitCode: 2, finishedAt: '2026-11-27T10:00:00Z' as unknown as Date } };
  const exit = lastExitOf(podOf('p', 'g1', containerStatus({ lastState: text })));
  t.is(exit?.words, 'with exit code 2 at 2026-11-27T10:00:00Z');
  t.is(exit?.atMs, Date.parse('2026-11-27T10:00:00Z'));
});
