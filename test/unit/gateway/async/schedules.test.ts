import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import { isScheduleId } from '../../../../src/gateway/async/scheduled-function.ts';
import { hourMs, minuteMs, scheduled, ScheduledDay } from './scheduled-day.ts';

const noon = '2026-05-05T12:00:30Z';
const noonMs = Date.parse(noon);

test('a call at each time, with the headers of cron-connector and a body where there is one', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [
    scheduled('plain', { schedule: '*/5 * * * *' }),
    scheduled('json', { schedule: '0 13 * * *;30 12 * * *', 'schedule.body': '{"all": true}' }),
    scheduled('text', { schedule: '@every 45m', 'schedule.body': 'all' }),
  ]);
  await day.pass(noonMs + hourMs);
  t.is(day.runs('plain').length, 12);
  t.deepEqual(day.runs('plain').slice(0, 2), ['20260505T120500Z', '20260505T121000Z']);
  t.deepEqual(day.runs('json'), ['20260505T123000Z', '20260505T130000Z']);
  t.deepEqual(day.runs('text'), ['20260505T124530Z']);
  const call = (name: string) => day.queue.calls.find(({ fn }) => fn.name === name);
  const id = call('plain')?.id ?? '';
  t.regex(id, /^cron-plain-[0-9a-f]{10}-20260505T120500Z$/);
  t.like(call('plain'), { kind: 'call', fn: { name: 'plain', namespace: 'openfaas-fn' }, path: '/', body: '' });
  const headers = [
    ['X-Call-Id', id],
    ['X-Topic', 'cron-function'],
    ['X-Connector', 'cron-connector'],
  ];
  t.deepEqual(call('plain')?.headers as string[][], headers);
  t.is(call('json')?.body, '{"all": true}');
  t.deepEqual(call('json')?.headers.at(-1), ['Content-Type', 'application/json']);
  t.deepEqual(call('text')?.headers.at(-1), ['Content-Type', 'text/plain; charset=utf-8']);
});

test('two functions of long names alike have calls of their own, with ids that a queue takes, and from no caller', async (t) => {
  const long = 'a-function-with-a-name-of-sixty-three-characters-as-many-as-may-';
  const names = [`${long.slice(0, 62)}1`, `${long.slice(0, 62)}2`];
  const day = await ScheduledDay.begin(
    t,
    noon,
    names.map((name) => scheduled(name, { schedule: '@every 1.5s' })),
  );
  await day.pass(noonMs + 3000);
  t.is(day.queue.calls.length, 6);
  for (const { id } of day.queue.calls) {
    t.regex(id, /^[A-Za-z0-9_.-]{1,64}$/);
    t.true(isScheduleId(id));
  }
});

test('the next times, of all its schedules', async (t) => {
  const fn = scheduled('f', { schedule: '0 6 * * *; @every 1h', timezone: 'Asia/Tokyo' });
  const day = await ScheduledDay.begin(t, noon, [fn]);
  const next = ['2026-05-05T13:00:30.000Z', '2026-05-05T14:00:30.000Z', '2026-05-05T15:00:30.000Z'];
  t.deepEqual(day.schedules.nextRuns(fn), next);
  await day.pass(noonMs + 8 * hourMs + minuteMs);
  t.is(day.schedules.nextRuns(fn)?.[0], '2026-05-05T21:00:00.000Z');
  t.is(day.schedules.nextRuns(scheduled('f', { topic: 'other' })), undefined);
  t.is(day.schedules.nextRuns(scheduled('new', { schedule: '@hourly' }))?.[0], '2026-05-05T21:00:00.000Z');
});

test('a new schedule begins when it comes, a changed one anew; a removed function is forgotten', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [scheduled('f', { schedule: '0 12 * * *' })]);
  await day.pass(noonMs + minuteMs);
  t.deepEqual(day.runs('f'), []);
  day.functions = [scheduled('f', { schedule: '0 12 * * *;@every 10m', 'schedule.body': 'x' })];
  await day.pass(noonMs + 12 * minuteMs);
  t.deepEqual(day.runs('f'), ['20260505T121130Z']);
  day.functions = [];
  await day.pass(noonMs + hourMs);
  t.deepEqual(JSON.parse(await readFile(day.path, 'utf8')), { schema: 1, functions: {} });
  t.is(day.runs('f').length, 1);
});

test('what was missed while the daemon was down runs once, or not at all; a moment of it is not missed', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [
    scheduled('once', { schedule: '*/5 * * * *' }),
    scheduled('none', { schedule: '*/5 * * * *', 'schedule.missed': 'none' }),
    scheduled('every', { schedule: '@every 7m' }),
  ]);
  await day.stop();
  day.clock.step(33 * minuteMs);
  await day.start();
  await day.pass(noonMs + 36 * minuteMs);
  t.deepEqual(day.runs('once'), ['20260505T123000Z', '20260505T123500Z']);
  t.deepEqual(day.runs('none'), ['20260505T123500Z']);
  t.deepEqual(day.runs('every'), ['20260505T122830Z', '20260505T123530Z']);
  await day.pass(Date.parse('2026-05-05T12:39:59Z'));
  await day.stop();
  day.clock.step(3000);
  await day.start();
  t.is(day.runs('none').at(-1), '20260505T124000Z');
});

test('a time whose call was queued just before a crash is not queued again', async (t) => {
  const fn = scheduled('f', { schedule: '*/5 * * * *' });
  const day = await ScheduledDay.begin(t, noon, [fn]);
  await day.killInNextCall(noonMs + 10 * minuteMs);
  t.deepEqual(day.runs('f'), ['20260505T120500Z']);
  await day.start();
  await day.pass(noonMs + 11 * minuteMs);
  t.deepEqual(day.runs('f'), ['20260505T120500Z', '20260505T121000Z']);
});

test('a run that a crash kept from being noted is waited for all the same', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [scheduled('f', { schedule: '*/5 * * * *' })]);
  await day.killInNextCall(noonMs + 10 * minuteMs);
  const [call] = day.queue.calls;
  day.queue.states.set(call?.id ?? '', 'running');
  day.clock.step(6 * minuteMs);
  await day.start();
  await day.pass(noonMs + 21 * minuteMs);
  t.is(day.runs('f').length, 1);
});

test('one run at a time: what comes while one is queued or runs is left out, unless it may overlap', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [
    scheduled('alone', { schedule: '*/5 * * * *; 7 * * * *' }),
    scheduled('beside', { schedule: '*/5 * * * *', 'schedule.overlap': 'true' }),
  ]);
  await day.pass(noonMs + 5 * minuteMs);
  for (const state of ['queued', 'running'] as const) {
    for (const { id } of day.queue.calls) day.queue.states.set(id, state);
    await day.pass(day.clock.nowMs() + 5 * minuteMs);
  }
  t.deepEqual(day.runs('alone'), ['20260505T120500Z']);
  t.deepEqual(day.runs('beside'), ['20260505T120500Z', '20260505T121000Z', '20260505T121500Z']);
  t.is(day.lines.filter((line) => line.includes('left out: the run before goes on')).length, 3);
  await day.stop();
  await day.start();
  await day.pass(day.clock.nowMs() + 5 * minuteMs);
  t.deepEqual(day.runs('alone').length, 1, 'also after a restart');
  for (const { id } of day.queue.calls) day.queue.states.set(id, 'failed');
  await day.pass(day.clock.nowMs() + 5 * minuteMs);
  t.deepEqual(day.runs('alone').at(-1), '20260505T122500Z');
});

test('two schedules of a function that come at the same time are one call', async (t) => {
  const fn = scheduled('f', { schedule: '0 * * * *; */30 * * * *', 'schedule.overlap': 'true' });
  const day = await ScheduledDay.begin(t, noon, [fn]);
  await day.pass(noonMs + 2 * hourMs);
  t.deepEqual(day.runs('f'), ['20260505T123000Z', '20260505T130000Z', '20260505T133000Z', '20260505T140000Z']);
});

test('a clock that is set back runs no time twice; an interval goes on', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [
    scheduled('cron', { schedule: '*/5 * * * *' }),
    scheduled('every', { schedule: '@every 7m' }),
  ]);
  await day.pass(noonMs + 21 * minuteMs);
  day.clock.step(-10 * minuteMs);
  await day.pass(noonMs + 26 * minuteMs);
  const cron = ['05', '10', '15', '20', '25'].map((minute) => `20260505T12${minute}00Z`);
  t.deepEqual(day.runs('cron'), cron);
  // From 12:11:30 on, when it was set back.
  t.deepEqual(day.runs('every').slice(3), ['20260505T121830Z', '20260505T122530Z']);
});

test('a clock that was years ahead keeps nothing from being run', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [scheduled('f', { schedule: '*/5 * * * *' })]);
  day.clock.step(3 * 365 * 24 * hourMs);
  await day.pass(day.clock.nowMs() + minuteMs);
  t.is(day.runs('f').length, 1);
  day.clock.step(-3 * 365 * 24 * hourMs);
  await day.pass(noonMs + 5 * minuteMs);
  t.is(day.runs('f').at(-1), '20260505T120500Z');
});

test('a clock that is set forward is followed when the functions are listed next', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [scheduled('f', { schedule: '0 18 * * *' })]);
  day.clock.step(6 * hourMs);
  await day.list();
  t.deepEqual(day.runs('f'), ['20260505T180000Z']);
});

test('a queue that is full is told once and tried again', async (t) => {
  const day = await ScheduledDay.begin(t, noon, [scheduled('f', { schedule: '*/5 * * * *' })]);
  day.queue.error = new Error('the queue is full');
  await day.pass(noonMs + 6 * minuteMs);
  t.is(day.lines.filter((line) => line.includes('cannot queue the call of a schedule')).length, 1);
  delete day.queue.error;
  await day.pass(noonMs + 7 * minuteMs);
  t.deepEqual(day.runs('f'), ['20260505T120500Z']);
});

test('a file that cannot be read is told, and schedules begin anew', async (t) => {
  const fn = scheduled('f', { schedule: '*/5 * * * *' });
  const day = await ScheduledDay.begin(t, noon, [fn]);
  await day.stop();
  await writeFile(day.path, '{"schema": 1, "functions": 7}');
  day.clock.step(7 * minuteMs);
  await day.start();
  await day.pass(noonMs + 10 * minuteMs);
  t.deepEqual(day.runs('f'), ['20260505T121000Z']);
  t.regex(day.lines.join('\n'), /cannot read what was done for schedules.*schedules\.json/);
});

test('intervals that two look after come at the same times, and are called once', async (t) => {
  const functions = [scheduled('f', { schedule: '@every 10m; 5 * * * *' })];
  const one = await ScheduledDay.begin(t, '2026-06-01T10:03:00Z', functions, { isShared: true });
  const other = await ScheduledDay.begin(t, '2026-06-01T10:07:00Z', functions, { isShared: true });
  const ids = async (day: ScheduledDay) => {
    await day.pass(Date.parse('2026-06-01T11:00:30Z'));
    return day.queue.calls.map(({ id }) => id);
  };
  const [all, later] = [await ids(one), await ids(other)];
  t.is(all.length, 7);
  t.deepEqual(later, all.slice(1));
});
