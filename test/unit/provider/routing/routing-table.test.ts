import test from 'ava';
import fc from 'fast-check';
import { RoutingTable, type RouteTarget } from '../../../../src/provider/routing/routing-table.ts';
import {
  FunctionNotFoundError,
  NoEndpointsError,
  StartFailedError,
  TooManyRequestsError,
  type CallOutcome,
  type Endpoint,
  type FunctionName,
} from '../../../../src/provider/index.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };
const other = { name: 'fn', namespace: 'staging' };

function target(replica: string, rest: Partial<RouteTarget> = {}): RouteTarget {
  return { replica, hostname: replica, port: 8080, readySinceMs: 1, maxInflight: Infinity, ...rest };
}

async function take(routes: RoutingTable, count: number): Promise<Endpoint[]> {
  const endpoints: Endpoint[] = [];
  for (let i = 0; i < count; i++) endpoints.push(await routes.resolve(fn, {}));
  return endpoints;
}

const names = (endpoints: Endpoint[]) => endpoints.map(({ hostname }) => hostname);

/** What a promise has come to by the next turn of the event loop. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'settled'> {
  const turn = new Promise<'pending'>((resolve) => setImmediate(resolve, 'pending'));
  const settled = () => 'settled' as const;
  return Promise.race([promise.then(settled, settled), turn]);
}

test('a call goes to the replica with the fewest calls in flight', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('a'), target('b'), target('c')]);
  const taken = await take(routes, 3);
  t.is(new Set(names(taken)).size, 3);
  const [, second] = taken;
  second?.release({ status: 200 });
  t.deepEqual(names(await take(routes, 1)), [names(taken)[1]]);
});

test('replicas that are equally busy get equal shares', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('a'), target('b'), target('c')]);
  const counts = new Map<string, number>();
  for (let i = 0; i < 300; i++) {
    const endpoint = await routes.resolve(fn, {});
    counts.set(endpoint.hostname, (counts.get(endpoint.hostname) ?? 0) + 1);
    endpoint.release({ status: 200 });
  }
  t.deepEqual([...counts.values()], [100, 100, 100]);
});

test('at any moment no replica has two calls more than another, and every call is counted until its release', async (t) => {
  await t.notThrowsAsync(
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.option(fc.nat(100), { nil: undefined }), { maxLength: 60 }),
        async (replicas, actions) => {
          const routes = new RoutingTable();
          const ids = Array.from({ length: replicas }, (_, i) => `r${i}`);
          routes.set(
            fn,
            ids.map((id) => target(id)),
          );
          const open: Endpoint[] = [];
          for (const release of actions) {
            const [done] = release === undefined ? [] : open.splice(release % Math.max(1, open.length), 1);
            done?.release({});
            if (release !== undefined) continue;
            const least = Math.min(...ids.map((id) => routes.inFlight(id)));
            const endpoint = await routes.resolve(fn, {});
            if (routes.inFlight(endpoint.hostname) !== least + 1) throw new Error('not the least busy one');
            open.push(endpoint);
          }
          const counted = ids.reduce((sum, id) => sum + routes.inFlight(id), 0);
          if (counted !== open.length) throw new Error(`${counted} counted of ${open.length}`);
        },
      ),
    ),
  );
});

test('functions of one name in two namespaces are strangers', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('a')]);
  await t.throwsAsync(routes.resolve(other, {}), { instanceOf: NoEndpointsError });
  routes.delete(other);
  t.is((await routes.resolve(fn, {})).hostname, 'a');
});

test('with nothing ready a call fails at once, or waits as long as it may and is served by the first that comes', async (t) => {
  const routes = new RoutingTable();
  await t.throwsAsync(routes.resolve(fn, {}), { instanceOf: NoEndpointsError });
  const waiting = routes.resolve(fn, { waitMs: 60_000 });
  t.is(await stateOf(waiting), 'pending');
  t.is(routes.waiting(fn), 1);
  routes.set(fn, [target('a')]);
  t.is((await waiting).hostname, 'a');
  t.is(routes.waiting(fn), 0);
  await t.throwsAsync(new RoutingTable().resolve(fn, { waitMs: 1 }), { instanceOf: NoEndpointsError });
});

test('calls that wait are shared out over all that comes', async (t) => {
  const routes = new RoutingTable();
  const waiting = Array.from({ length: 6 }, () => routes.resolve(fn, { waitMs: 60_000 }));
  routes.set(fn, [target('a'), target('b'), target('c')]);
  const served = names(await Promise.all(waiting)).sort();
  t.deepEqual(served, ['a', 'a', 'b', 'b', 'c', 'c']);
});

test('a replica never gets more calls than its max_inflight; the others wait for a slot, in turn', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('a', { maxInflight: 2 }), target('b', { maxInflight: 1 })]);
  const taken = await take(routes, 3);
  t.deepEqual(names(taken).sort(), ['a', 'a', 'b']);
  const order: string[] = [];
  const fourth = routes.resolve(fn, {}).then((endpoint) => (order.push('fourth'), endpoint));
  const fifth = routes.resolve(fn, {}).then((endpoint) => (order.push('fifth'), endpoint));
  t.is(await stateOf(Promise.race([fourth, fifth])), 'pending');
  taken.find(({ hostname }) => hostname === 'b')?.release({ status: 200 });
  t.is((await fourth).hostname, 'b');
  t.is(await stateOf(fifth), 'pending');
  taken.find(({ hostname }) => hostname === 'a')?.release({ status: 200 });
  t.is((await fifth).hostname, 'a');
  t.deepEqual(order, ['fourth', 'fifth']);
});

test('a call that found no free slot in time is told to come back, as the watchdog would', async (t) => {
  const routes = new RoutingTable({ slotWaitMs: 1 });
  routes.set(fn, [target('a', { maxInflight: 1 })]);
  await take(routes, 1);
  const error = await t.throwsAsync(routes.resolve(fn, {}), { instanceOf: TooManyRequestsError });
  t.is(error?.headers?.['Retry-After'], '1');
  t.regex(error?.message ?? '', /max_inflight/);
});

test('no more calls wait than there is room for', async (t) => {
  const routes = new RoutingTable({ maxWaiting: 2 });
  const waiting = [routes.resolve(fn, { waitMs: 60_000 }), routes.resolve(fn, { waitMs: 60_000 })];
  await t.throwsAsync(routes.resolve(fn, { waitMs: 60_000 }), { instanceOf: TooManyRequestsError, message: /2 calls/ });
  routes.set(fn, [target('a')]);
  t.deepEqual(names(await Promise.all(waiting)), ['a', 'a']);
});

test('a caller that leaves while it waits gives up its place, and takes no slot', async (t) => {
  const routes = new RoutingTable();
  const caller = new AbortController();
  const left = routes.resolve(fn, { waitMs: 60_000, signal: caller.signal });
  caller.abort();
  await t.throwsAsync(left);
  t.is(routes.waiting(fn), 0);
  routes.set(fn, [target('a')]);
  t.is(routes.inFlight('a'), 0);
});

test('a caller that has left already does not wait', async (t) => {
  const routes = new RoutingTable();
  const gone = routes.resolve(fn, { waitMs: 1000, signal: AbortSignal.abort() });
  t.is(await stateOf(gone), 'settled');
  await t.throwsAsync(gone);
  t.is(routes.waiting(fn), 0);
});

test('when a function is removed, calls that wait for it are told so at once', async (t) => {
  const routes = new RoutingTable();
  const waiting = routes.resolve(fn, { waitMs: 60_000 });
  routes.delete(fn);
  await t.throwsAsync(waiting, { instanceOf: FunctionNotFoundError });
  routes.set(fn, [target('new')]);
  t.is((await routes.resolve(fn, {})).hostname, 'new');
});

test('a release counts once, however often it is said, and tells how the call went', async (t) => {
  const outcomes: [FunctionName, string, CallOutcome][] = [];
  const routes = new RoutingTable();
  routes.onOutcome((...outcome) => outcomes.push(outcome));
  routes.set(fn, [target('a')]);
  const [first] = await take(routes, 2);
  first?.release({ status: 500, watchdogError: true });
  first?.release({ status: 200 });
  t.is(routes.inFlight('a'), 1);
  t.deepEqual(outcomes, [[fn, 'a', { status: 500, watchdogError: true }]]);
});

test('a replica that leaves the routes gets no new calls, and is idle when its last call ends', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('old')]);
  const [first, second] = await take(routes, 2);
  routes.set(fn, [target('new')]);
  t.deepEqual(names(await take(routes, 2)), ['new', 'new']);
  let idle = 0;
  routes.whenIdle('old', () => idle++);
  first?.release({ status: 200 });
  t.is(idle, 0);
  second?.release({ status: 200 });
  t.is(idle, 1);
  routes.whenIdle('old', () => idle++);
  t.is(idle, 2, 'at once when there is none');
});

test('a replica that is set again keeps the count of its calls in flight', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('a')]);
  await take(routes, 2);
  routes.set(fn, [target('a'), target('b')]);
  t.is(routes.inFlight('a'), 2);
  t.deepEqual(names(await take(routes, 2)), ['b', 'b']);
});

test('an endpoint says since when its replica is ready', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, [target('a', { readySinceMs: 42, port: 8081 })]);
  t.like(await routes.resolve(fn, {}), { hostname: 'a', port: 8081, readySinceMs: 42 });
});

test('calls of a function whose start failed are told so at once, held ones too, until the next start', async (t) => {
  const routes = new RoutingTable();
  routes.set(fn, []);
  const held = routes.resolve(fn, { waitMs: 60_000 });
  routes.setFailed(fn, { reason: 'its process ended', retryInMs: 7500 });
  const error = await t.throwsAsync(held, { instanceOf: StartFailedError });
  t.is(error.status, 503);
  t.is(error.message, 'No endpoints available for: fn, its process ended.');
  t.is(error.headers?.['Retry-After'], '8');
  await t.throwsAsync(routes.resolve(fn, { waitMs: 60_000 }), { instanceOf: StartFailedError });
  routes.setFailed(fn, { reason: 'its process ended', retryInMs: 2000 });
  t.is(await stateOf(routes.resolve(fn, { waitMs: 60_000 })), 'pending', 'the next start is worth waiting for');
  routes.setFailed(fn, undefined);
  const waits = routes.resolve(fn, { waitMs: 60_000 });
  t.is(await stateOf(waits), 'pending');
  routes.set(fn, [target('a')]);
  routes.setFailed(fn, { reason: 'its process ended', retryInMs: 7500 });
  t.is((await waits).hostname, 'a');
  t.is((await routes.resolve(fn, {})).hostname, 'a', 'what is ready takes calls whatever else failed');
});
