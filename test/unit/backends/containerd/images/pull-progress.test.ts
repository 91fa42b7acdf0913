import { mock } from 'node:test';
import test from 'ava';
import { createLog } from '../../../../../src/base/log.ts';
import { PullProgress } from '../../../../../src/backends/containerd/images/pull-progress.ts';

test('a long pull says every five seconds how far it is, until it ends', (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const lines: string[] = [];
  const log = createLog({ journal: true, write: (line) => lines.push(line.trim()) });
  {
    using progress = new PullProgress(log, { image: 'fn:v1', namespace: 'ns' });
    progress.expect(1000);
    progress.add(300);
    mock.timers.tick(5_000);
    progress.add(400);
    mock.timers.tick(5_000);
  }
  mock.timers.tick(60_000);
  t.deepEqual(lines, [
    '<6>pulling image image=fn:v1 namespace=ns bytes=300 totalBytes=1000',
    '<6>pulling image image=fn:v1 namespace=ns bytes=700 totalBytes=1000',
  ]);
});
