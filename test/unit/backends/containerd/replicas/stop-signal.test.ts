import test from 'ava';
import {
  signalNumber,
  stopSignalLabel,
  stopSignalOf,
} from '../../../../../src/backends/containerd/replicas/stop-signal.ts';

test('a signal is read in every form that images have it in', (t) => {
  const known = { SIGINT: 2, INT: 2, sigquit: 3, SIGWINCH: 28, ' 9 ': 9, '15': 15, SIGRTMIN: 34, 'SIGRTMIN+3': 37 };
  for (const [text, number] of Object.entries({ ...known, 'RTMAX-1': 63, SIGRTMAX: 64, '64': 64 })) {
    t.is(signalNumber(text), number, text);
  }
});

test('what is no signal is none', (t) => {
  for (const text of [
    '',
    '0',
    '65',
    '-1',
    '1.5',
    'SIG',
    'SIGNONE',
    'SIGRTMIN+31',
    'SIGRTMAX+1',
    'RTMIN-34',
    '__proto__',
  ])
    t.is(signalNumber(text), undefined, text);
});

test('a container is stopped by what its image names, else by SIGTERM', (t) => {
  t.is(stopSignalOf(stopSignalLabel('SIGQUIT')), 3);
  for (const none of [undefined, null, '', 'x'.repeat(10_000)]) {
    t.deepEqual(stopSignalLabel(none), {});
    t.is(stopSignalOf(stopSignalLabel(none)), 15);
  }
});
