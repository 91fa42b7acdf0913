import { mkdir, readdir, readFile, rename, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { fn, historyDir, keptWorld, startClock } from './kept-world.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

const knownOf = (column: (number | null)[]) => column.filter((value) => value !== null);
const calledOf = (column: (number | null)[]) => column.filter((value) => value !== null && value > 0);

test('the last hour is told in steps of 10 s: calls, failures and how long they took', async (t) => {
  const world = keptWorld(undefined, startClock());
  world.call(3, 10);
  world.call(1, 1000, 500);
  world.pass(30_000);
  world.call(2, 20);
  world.pass(10_000);
  const view = await world.history.view(fn, 'hour');
  t.is(view.stepSeconds, 10);
  t.is(view.calls.length, 360);
  t.is(view.from, '2026-01-01T11:00:40.000Z');
  t.deepEqual(view.calls.slice(-5), [null, 4, 0, 0, 2]);
  t.deepEqual(view.errors.slice(-4), [1, 0, 0, 0]);
  const [p50 = 0] = knownOf(view.p50Ms);
  const [p99 = 0] = knownOf(view.p99Ms);
  t.true(p50 > 9 && p50 < 11.1, `${p50}`);
  t.true(p99 > 900 && p99 < 1110, `${p99}`);
  t.deepEqual(view.replicas.slice(-4), [2, 2, 2, 2]);
  t.deepEqual(knownOf(view.memoryBytes), []);
});

test('what is older than an hour is in the last day alone, in steps of 5 min, and then nowhere', async (t) => {
  const world = keptWorld(undefined, startClock());
  world.call(5, 10);
  world.pass(61 * minute);
  t.deepEqual(calledOf((await world.history.view(fn, 'hour')).calls), []);
  const view = await world.history.view(fn, 'day');
  t.is(view.stepSeconds, 300);
  t.is(view.calls.length, 288);
  t.deepEqual(calledOf(view.calls), [5]);
  t.is(knownOf(view.p50Ms).length, 1);
  world.pass(day);
  t.deepEqual(calledOf((await world.history.view(fn, 'day')).calls), []);
});

test('the step of the day that goes on is told as far as it is', async (t) => {
  const world = keptWorld(undefined, startClock());
  world.call(2, 10);
  world.pass(10_000);
  t.is((await world.history.view(fn, 'day')).calls.at(-1), 2);
  world.call(3, 10);
  world.pass(10_000);
  t.is((await world.history.view(fn, 'day')).calls.at(-1), 5);
});

test('memory and CPU are those of samples, each until the next', async (t) => {
  const clock = startClock();
  const world = keptWorld(undefined, clock);
  const measured = { ...fn, cpuSeconds: 1, memoryBytes: 4096, restarts: 0, oomKills: 0 };
  world.measures.push(measured);
  await world.usage.sampleIfDue();
  world.pass(minute);
  measured.cpuSeconds = 7;
  await world.usage.sampleIfDue();
  world.pass(10_000);
  const view = await world.history.view(fn, 'hour');
  t.deepEqual(knownOf(view.memoryBytes), Array(7).fill(4096));
  t.deepEqual(knownOf(view.cpuMillis), [100]);
  world.measures.length = 0;
  world.pass(minute);
  await world.usage.sampleIfDue();
  world.pass(10_000);
  t.is((await world.history.view(fn, 'hour')).memoryBytes.at(-1), 0, 'it sleeps');
});

test('the last day goes on over a restart, also the step that went on at it', async (t) => {
  const dir = await historyDir(t);
  const clock = startClock();
  const first = keptWorld(dir, clock);
  first.call(5, 10);
  first.pass(10 * minute);
  first.call(2, 10);
  await first.history.close();
  const file = join(dir, 'openfaas-fn/env');
  const { size, mode } = await stat(file);
  t.deepEqual([size, mode & 0o777], [32 * 289, 0o600]);
  t.is((await stat(join(dir, 'openfaas-fn'))).mode & 0o777, 0o700);

  const second = keptWorld(dir, clock);
  t.deepEqual(calledOf((await second.history.view(fn, 'day')).calls), [5, 2], 'read when asked for');
  second.call(3, 10);
  second.pass(10_000);
  t.deepEqual(calledOf((await second.history.view(fn, 'day')).calls), [5, 5], 'one step, of both');
  second.pass(5 * minute);
  await second.history.close();
  t.is((await stat(file)).size, size);
  const third = keptWorld(dir, clock);
  t.deepEqual(calledOf((await third.history.view(fn, 'day')).calls), [5, 5]);
});

test('a step that ends before the file has been read is added to what that has of it', async (t) => {
  const dir = await historyDir(t);
  const clock = startClock();
  const first = keptWorld(dir, clock);
  first.call(2, 10);
  await first.history.close();
  const second = keptWorld(dir, clock);
  second.call(3, 10);
  // Two looks in one turn: nothing was read between.
  second.pass(6 * minute);
  t.deepEqual(calledOf((await second.history.view(fn, 'day')).calls), [5]);
  await second.history.close();
  t.deepEqual(calledOf((await keptWorld(dir, clock).history.view(fn, 'day')).calls), [5]);
});

test('a file is written only for steps in which there was something', async (t) => {
  const dir = await historyDir(t);
  const world = keptWorld(dir, startClock());
  world.pass(30 * minute);
  await world.history.close();
  await t.throwsAsync(readdir(dir), { code: 'ENOENT' });
});

const foreign: [what: string, put: (file: string) => Promise<unknown>][] = [
  ['half a file', (file) => truncate(file, 1000)],
  ['an empty file', (file) => truncate(file, 0)],
  ['text of the right length', (file) => writeFile(file, 'x'.repeat(32 * 289))],
  ['another form', async (file) => writeFile(file, (await readFile(file)).fill(9, 24, 25))],
];
for (const [what, put] of foreign)
  test(`${what} is passed over, and written anew`, async (t) => {
    const dir = await historyDir(t);
    const clock = startClock();
    const first = keptWorld(dir, clock);
    first.call(5, 10);
    await first.history.close();
    await put(join(dir, 'openfaas-fn/env'));
    const second = keptWorld(dir, clock);
    t.deepEqual(knownOf((await second.history.view(fn, 'day')).p50Ms), []);
    second.call(1, 10);
    await second.history.close();
    t.deepEqual(second.lines, []);
    t.deepEqual(calledOf((await keptWorld(dir, clock).history.view(fn, 'day')).calls), [1]);
  });

test('numbers that are none are not told', async (t) => {
  const dir = await historyDir(t);
  const clock = startClock();
  const first = keptWorld(dir, clock);
  first.call(5, 10);
  await first.history.close();
  const file = join(dir, 'openfaas-fn/env');
  const bytes = await readFile(file);
  const slot = 32 * (1 + (Math.floor((clock.nowMs + clock.wallAheadMs) / 300_000) % 288));
  bytes.writeFloatLE(-5, slot + 8);
  bytes.writeFloatLE(Infinity, slot + 12);
  await writeFile(file, bytes);
  const view = await keptWorld(dir, clock).history.view(fn, 'day');
  t.deepEqual([view.calls.at(-1), view.errors.at(-1), view.p50Ms.at(-1)], [5, 0, null]);
});

test('a link is not followed', async (t) => {
  const dir = await historyDir(t);
  const target = `${dir}-target`;
  await writeFile(target, 'precious');
  await mkdir(join(dir, 'openfaas-fn'), { recursive: true });
  await symlink(target, join(dir, 'openfaas-fn/env'));
  const world = keptWorld(dir, startClock());
  world.call(1, 10);
  await world.history.close();
  t.is(await readFile(target, 'utf8'), 'precious');
  t.true((await stat(join(dir, 'openfaas-fn/env'))).isFile());
});

test('the file of a function that is gone is removed, others stay', async (t) => {
  const dir = await historyDir(t);
  const world = keptWorld(dir, startClock());
  await mkdir(join(dir, 'dev'), { recursive: true });
  for (const name of ['env', 'gone']) await writeFile(join(dir, 'dev', name), '');
  world.call(1, 10);
  world.provider.add('env', 1, {}, 'dev');
  world.history.follow([...world.provider.functions.values()]);
  world.pass(6 * minute);
  await world.history.close();
  t.deepEqual((await readdir(dir, { recursive: true })).sort(), ['dev', 'dev/env', 'openfaas-fn', 'openfaas-fn/env']);

  const next = keptWorld(dir, startClock());
  next.call(1, 10);
  next.pass(minute);
  next.history.follow([]);
  next.pass(10 * minute);
  await next.history.close();
  t.deepEqual(await readdir(dir), []);
});

test('a folder that cannot be written is told once, and what it lacks is written once it can be', async (t) => {
  const dir = await historyDir(t);
  await writeFile(dir, 'in the way');
  const clock = startClock();
  const world = keptWorld(dir, clock);
  for (let step = 0; step < 4; step++) {
    world.call(1, 10);
    world.pass(5 * minute);
    await world.history.view(fn, 'day');
  }
  await world.history.written();
  t.is(world.lines.length, 1);
  t.regex(world.lines[0] ?? '', /warn cannot (write|read) what functions were like/);
  t.deepEqual(calledOf((await world.history.view(fn, 'day')).calls), [1, 1, 1, 1]);
  await rename(dir, `${dir}-away`);
  world.call(1, 10);
  world.pass(5 * minute);
  await world.history.close();
  t.is(world.lines.length, 2);
  t.regex(world.lines[1] ?? '', /info what functions were like can be written again/);
  t.deepEqual(calledOf((await keptWorld(dir, clock).history.view(fn, 'day')).calls), [1, 1, 1, 1, 1]);
});

test('a wall clock that is set keeps no calls from being told', async (t) => {
  const clock = startClock();
  const world = keptWorld(undefined, clock);
  world.call(1, 10);
  world.pass(20_000);
  clock.wallAheadMs += 7 * minute;
  world.call(2, 10);
  world.pass(20_000);
  t.deepEqual(calledOf((await world.history.view(fn, 'hour')).calls), [1, 2]);
  clock.wallAheadMs -= 30 * minute;
  world.call(4, 10);
  world.pass(20_000);
  t.deepEqual(calledOf((await world.history.view(fn, 'hour')).calls), [4]);
});
