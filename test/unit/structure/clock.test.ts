import test from 'ava';
import ts from 'typescript';
import { nodesOf, parse, parseSources } from './sources.ts';

/** Who may look at the wall clock, and for what: it is set back and forth, so it measures nothing. */
const wallClock: Record<string, string> = {
  'src/cli/backup-verb.ts': 'when a backup was made',
  'src/cli/logs-verb.ts': 'the time of a log line',
  'src/cli/doctor/clock-check.ts': 'is what is looked at',
  'src/cli/doctor/registry-checks.ts': 'when a certificate ends',
  'src/base/log.ts': 'the time of a log line',
  'src/logs/history.ts': 'the time of a log line',
  'src/logs/retention.ts': 'the age of a file',
  'src/containerd/event-service.ts': 'the time of an event',
  'src/containerd/task-metrics.ts': 'the time of a measurement',
  'src/registry/retry-after.ts': 'a date in a header',
  'src/provider/event-feed.ts': 'when an event happened, shown',
  'src/provider/key-pair.ts': 'the dates of a certificate',
  'src/gateway/async/callback-sender.ts': 'when an attempt was made, stored',
  'src/gateway/async/call-store.ts': 'when a call came, is due and ended, stored',
  'src/gateway/async/jetstream-bodies.ts': 'how old an object is, stored',
  'src/gateway/async/jetstream-changes.ts': 'when a call came, is due and ended, stored',
  'src/gateway/async/jetstream-loader.ts': 'when a call is due, stored',
  'src/gateway/async/jetstream-sharing.ts': 'when what another process had is due again, stored',
  'src/gateway/async/jetstream-queue.ts': 'whether a call is due, stored',
  'src/gateway/async/schedules.ts': 'when functions with a schedule are due',
  'src/gateway/async/store-schema.ts': 'when a damaged store was set aside, in its name',
  'src/gateway/async/async-calls.ts': 'when calls ended that are forgotten, stored',
  'src/gateway/async/call-sender.ts': 'when an attempt began and ended, stored',
  'src/gateway/async/call-taker.ts': 'whether a call is due, stored',
  'src/gateway/async/worker.ts': 'when a call is due, stored',
  'src/gateway/history/call-history.ts': 'when calls were, stored',
  'src/gateway/calls/call-id.ts': 'a date in a header',
  'src/gateway/dashboard/sessions.ts': 'until when a session lasts, also over restarts',
  'src/backends/containerd/images/cut-pulls.ts': 'when a lease ends, stored by containerd',
  'src/backends/containerd/replicas/create-replica.ts': 'when a lease ends, stored by containerd',
  'src/backends/containerd/collect.ts': 'when a lease ends, stored by containerd',
  'src/backends/kubernetes/stored-version.ts': 'when a version was deployed, stored',
  'src/backends/containerd/replica-status.ts': 'when a process began, shown',
  'src/backends/containerd/desired/record.ts': 'when a version was deployed, stored',
  'src/backends/kubernetes/kubernetes-client.ts': 'when a Lease was renewed, shown: its age is by our own clock',
  'src/backends/containerd/reconcile/desired-view.ts': 'when a version took over, stored',
  'src/backends/containerd/reconcile/generation-state.ts': 'shows when a replica was condemned',
  'src/backends/containerd/reconcile/replica.ts': 'when a process ended, shown',
};

/** Lists which clocks a source reads. */
function clocksOf(source: ts.SourceFile): Set<'wall' | 'monotonic'> {
  const clocks = new Set<'wall' | 'monotonic'>();
  for (const node of nodesOf(source)) {
    if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && !node.arguments?.length) clocks.add('wall');
    if (!ts.isPropertyAccessExpression(node)) continue;
    if (node.getText() === 'Date.now') clocks.add('wall');
    if (node.getText() === 'performance.now') clocks.add('monotonic');
  }
  return clocks;
}

test('only what is shown or stored is read off the wall clock, and only base reads the monotonic one', async (t) => {
  // A page has the clock of whoever looks at it.
  const isPage = ({ fileName }: ts.SourceFile) => fileName.startsWith('src/gateway/dashboard/browser/');
  const sources = (await parseSources()).filter((source) => !isPage(source));
  const reading = (clock: 'wall' | 'monotonic') =>
    sources.filter((source) => clocksOf(source).has(clock)).map(({ fileName }) => fileName);
  t.deepEqual(reading('wall').sort(), Object.keys(wallClock).sort());
  t.deepEqual(reading('monotonic'), ['src/base/monotonic.ts']);
});

test('each way to read a clock is found', (t) => {
  const clocks = (text: string) => [...clocksOf(parse('clock.ts', text))];
  t.deepEqual(clocks('const a = Date.now();'), ['wall']);
  t.deepEqual(clocks('const a = new Date();'), ['wall']);
  t.deepEqual(clocks('const a = performance.now;'), ['monotonic']);
  t.deepEqual(clocks('const a = new Date(5), b = Date.parse("");'), []);
});
