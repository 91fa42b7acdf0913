import { mock } from 'node:test';
import test from 'ava';
import { createLog, silentLog } from '../../../../../src/base/log.ts';
import { PullMeter } from '../../../../../src/backends/containerd/images/pull-meter.ts';

test('a long pull says every five seconds how far it is, until it ends', (t) => {
  mock.timers.enable({ apis: ['setInterval'] });
  t.teardown(() => mock.timers.reset());
  const lines: string[] = [];
  const log = createLog({ journal: true, write: (line) => lines.push(line.trim()) });
  {
    using progress = new PullMeter(log, { image: 'fn:v1', namespace: 'ns' });
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

test('a pull is told by its layers alone, those that need no download included, and ends once', (t) => {
  let ended = 0;
  {
    using meter = new PullMeter(silentLog, { image: 'fn:v1', namespace: 'ns' }, () => (ended += 1));
    meter.add(70);
    t.deepEqual(meter.progress, { image: 'fn:v1', namespace: 'ns', bytes: 70, totalBytes: 0 });
    meter.expect(1000);
    t.like(meter.progress, { bytes: 0, totalBytes: 1000 });
    meter.found(600);
    meter.add(100);
    t.like(meter.progress, { bytes: 700, totalBytes: 1000 });
    t.is(meter.downloadedBytes, 170);
    meter.add(600);
    t.like(meter.progress, { bytes: 1000, totalBytes: 1000 }, 'what was bad and came again is not more than all');
    t.is(ended, 0);
  }
  t.is(ended, 1);
});
