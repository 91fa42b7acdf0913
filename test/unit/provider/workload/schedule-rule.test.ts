import test from 'ava';
import { checkWorkload, workloadOf } from '../../../../src/provider/workload/index.ts';

const topic = { topic: 'cron-function' };
const base = { service: 'f', name: 'f', namespace: 'openfaas-fn', image: 'i' };

function rule(annotations: Record<string, string>) {
  const { schedule } = workloadOf({ ...base, annotations });
  return schedule && { ...schedule, schedules: schedule.schedules.map(({ text }) => text) };
}

test('a schedule counts with the topic cron-function, also beside others', (t) => {
  const schedule = '*/5 * * * *';
  t.deepEqual(rule({ ...topic, schedule }), {
    schedules: ['CRON_TZ=Local */5 * * * *'],
    body: '',
    overlap: false,
    missed: 'once',
  });
  t.truthy(rule({ topic: 'payments, cron-function', schedule }));
  t.is(rule({ topic: 'payments', schedule: 'as you like it' }), undefined);
  t.is(rule({ schedule }), undefined);
  t.is(rule({ ...topic }), undefined);
  t.is(rule({ ...topic, schedule: ' ; ' }), undefined);
});

test('several schedules, each once, with their settings', (t) => {
  const annotations = {
    ...topic,
    schedule: '0 6 * * 1-5; @every 1m30s ;CRON_TZ=Asia/Tokyo 0 8 * * *;0  6 * * 1-5;',
    timezone: 'Europe/Berlin',
    'schedule.body': '{"all": true}',
    'schedule.overlap': 'true',
    'schedule.missed': 'none',
  };
  t.deepEqual(rule(annotations), {
    schedules: ['CRON_TZ=Europe/Berlin 0 6 * * 1-5', '@every 1m30s', 'CRON_TZ=Asia/Tokyo 0 8 * * *'],
    body: '{"all": true}',
    overlap: true,
    missed: 'none',
  });
});

const refused: [annotations: Record<string, string>, said: RegExp][] = [
  [{ schedule: '* * * *' }, /^annotation schedule: "\* \* \* \*" cannot be read .*write minute, hour/],
  [{ schedule: '@daily; @often' }, /^annotation schedule: "@often" is not known/],
  [{ schedule: '@daily', timezone: 'Berlin' }, /^annotation schedule: "Berlin" is no time zone/],
  [
    { schedule: '@daily', 'schedule.overlap': 'maybe' },
    /^schedule\.overlap "maybe" cannot be read: write true or false/,
  ],
  [{ schedule: '@daily', 'schedule.missed': 'all' }, /^schedule\.missed "all" cannot be read: write once or none/],
  [{ schedule: '* '.repeat(10_000) }, /^annotation schedule: it is longer than 4096 characters/],
  [{ schedule: '*'.repeat(300) }, /is longer than 256 characters/],
  [{ schedule: '@daily;'.repeat(40) }, /it has more than 32 schedules/],
  [{ schedule: '@daily', timezone: 'x'.repeat(100_000) }, /is longer than 256 characters/],
];

for (const [annotations, said] of refused) {
  test(`refused at a deploy: ${JSON.stringify(annotations).slice(0, 80)}`, (t) => {
    t.throws(() => checkWorkload({ ...base, annotations: { ...topic, ...annotations } }), { message: said });
    t.notThrows(() => checkWorkload({ ...base, annotations }));
  });
}
