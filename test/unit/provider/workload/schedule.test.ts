import test from 'ava';
import fc from 'fast-check';
import { parseSchedule } from '../../../../src/provider/workload/schedule.ts';
import { dueTimes, type Wanted } from './schedule-oracle.ts';

// Without a zone it is the host's.
process.env.TZ = 'Europe/Berlin';

const at = (text: string) => Date.parse(text);

/** The next times as hours and minutes of UTC. */
function next(text: string, from: string, count: number, zone = 'UTC'): string[] {
  const schedule = parseSchedule(text, zone);
  const found: string[] = [];
  let due: number | undefined = at(from);
  while (found.length < count && (due = schedule.next(due)) !== undefined)
    found.push(new Date(due).toISOString().slice(5, 16));
  return found;
}

const cases: [text: string, from: string, ...times: string[]][] = [
  ['*/5 * * * *', '2026-01-01T00:00:00Z', '01-01T00:05', '01-01T00:10'],
  ['*/5 * * * *', '2026-01-01T00:04:59.999Z', '01-01T00:05'],
  ['5/20 8-9 * * *', '2026-01-01T00:00:00Z', '01-01T08:05', '01-01T08:25', '01-01T08:45', '01-01T09:05'],
  ['0 0 ? * MON-FRI', '2026-01-02T12:00:00Z', '01-05T00:00', '01-06T00:00'],
  ['0 0 13 * 5', '2026-01-05T00:00:00Z', '01-09T00:00', '01-13T00:00', '01-16T00:00'],
  ['0 0 29 2 *', '2026-01-01T00:00:00Z', '02-29T00:00'],
  ['@hourly', '2026-01-01T00:30:00Z', '01-01T01:00', '01-01T02:00'],
  ['@Daily', '2026-01-01T00:30:00Z', '01-02T00:00'],
  ['@midnight', '2026-01-01T00:30:00Z', '01-02T00:00'],
  ['@weekly', '2026-01-01T00:30:00Z', '01-04T00:00'],
  ['@monthly', '2026-01-01T00:30:00Z', '02-01T00:00'],
  ['@yearly', '2026-01-01T00:30:00Z', '01-01T00:00'],
  ['@annually', '2026-01-01T00:30:00Z', '01-01T00:00'],
  ['@every 1h30m', '2026-01-01T00:10:00Z', '01-01T01:40', '01-01T03:10'],
  ['CRON_TZ=Asia/Tokyo 0 6 * * *', '2026-01-01T00:00:00Z', '01-01T21:00'],
  ['TZ=Asia/Tokyo  0 6 * * *', '2026-01-01T00:00:00Z', '01-01T21:00'],
  ['TZ=America/New_York @daily', '2026-01-01T00:00:00Z', '01-01T05:00'],
];

for (const [text, from, ...times] of cases) {
  test(`${text} after ${from} is due at ${times.join(', ')}`, (t) => {
    t.deepEqual(next(text, from, times.length), times);
  });
}

test('a prefix is stronger than the timezone beside it', (t) => {
  t.deepEqual(next('CRON_TZ=UTC 0 6 * * *', '2026-01-01T00:00:00Z', 1, 'Asia/Tokyo'), ['01-01T06:00']);
  t.deepEqual(next('0 6 * * *', '2026-01-01T00:00:00Z', 1, 'Asia/Tokyo'), ['01-01T21:00']);
});

test('an interval is whole seconds, one at least', (t) => {
  t.is(parseSchedule('@every 100ms').next(0), 1000);
  t.is(parseSchedule('@every 2.9s').next(0), 2000);
});

const daylight: [text: string, day: 'spring' | 'autumn', ...times: string[]][] = [
  ['30 2 * * *', 'spring', '03-29T01:00', '03-30T00:30'],
  ['30 2 * * *', 'autumn', '10-25T00:30', '10-26T01:30'],
  ['*/30 2 * * *', 'spring', '03-29T01:00', '03-30T00:00'],
  ['*/30 2 * * *', 'autumn', '10-25T00:00', '10-25T00:30', '10-26T01:00'],
  ['0 */2 * * *', 'spring', '03-29T01:00', '03-29T02:00', '03-29T04:00'],
  ['15,45 1-3 * * *', 'spring', '03-29T00:15', '03-29T00:45', '03-29T01:00', '03-29T01:15', '03-29T01:45'],
  ['*/30 * * * *', 'spring', '03-29T00:30', '03-29T01:00', '03-29T01:30'],
  ['15 0-23 * * *', 'spring', '03-29T00:15', '03-29T01:15'],
  ['*/30 * * * *', 'autumn', '10-25T00:00', '10-25T00:30', '10-25T01:00', '10-25T01:30', '10-25T02:00'],
];

for (const [text, day, ...times] of daylight) {
  test(`daylight saving of Berlin in ${day}: ${text} is due at ${times.join(', ')}`, (t) => {
    const from = day === 'spring' ? '2026-03-29T00:00:00Z' : '2026-10-24T23:45:00Z';
    t.deepEqual(next(text, from, times.length, 'Europe/Berlin'), times);
    t.deepEqual(next(text, from, times.length, 'Local'), times);
    t.deepEqual(next(text, from, times.length, ''), times);
  });
}

const zones: [zone: string, ...days: string[]][] = [
  ['Europe/Berlin', '2026-03-28T12:00:00Z', '2026-10-24T12:00:00Z'],
  ['America/New_York', '2026-03-07T18:00:00Z', '2026-10-31T18:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T00:00:00Z', '2026-10-03T00:00:00Z'],
  ['America/Havana', '2026-03-07T12:00:00Z', '2026-10-31T12:00:00Z'],
  ['America/Nuuk', '2026-03-28T12:00:00Z', '2026-10-24T12:00:00Z'],
  ['Asia/Kathmandu', '2026-05-01T00:00:00Z'],
  ['UTC', '2026-05-01T00:00:00Z'],
];

for (const [zone, ...days] of zones) {
  test(`${zone}: schedules of any kind are due as a search minute by minute says, also when asked from within`, (t) => {
    const wanted = fc.record({
      minutes: fc.subarray([0, 1, 15, 30, 45, 59], { minLength: 1 }),
      hours: fc.oneof(
        fc.constant(Array.from({ length: 24 }, (_, hour) => hour)),
        fc.subarray([0, 1, 2, 3, 4, 13, 23], { minLength: 1 }),
      ),
    });
    const property = fc.property(wanted, fc.constantFrom(...days), fc.nat(600), (some: Wanted, day, offset) => {
      const [fromMs, untilMs] = [at(day), at(day) + 30 * 3_600_000];
      const hours = some.hours.length === 24 ? '*' : some.hours.join(',');
      const schedule = parseSchedule(`${some.minutes.join(',')} ${hours} * * *`, zone);
      const due = dueTimes(some, zone, fromMs, untilMs);
      const found: number[] = [];
      for (let each = schedule.next(fromMs); each !== undefined && each <= untilMs; each = schedule.next(each))
        found.push(each);
      t.deepEqual(found, due);
      // From any moment between, as after a restart.
      const betweenMs = fromMs + 8 * 3_600_000 + offset * 60_000 + 500;
      t.is(schedule.next(betweenMs), due.find((each) => each > betweenMs) ?? schedule.next(untilMs));
      t.is(
        schedule.last(fromMs, betweenMs),
        due.findLast((each) => each <= betweenMs),
      );
    });
    fc.assert(property, { numRuns: 60 });
  });
}

test('a time that is left out before midnight, as in Greenland, runs at midnight', (t) => {
  const zone = 'America/Nuuk';
  t.deepEqual(next('0 23 * * *', '2026-03-28T12:00:00Z', 2, zone), ['03-29T01:00', '03-30T00:00']);
  t.deepEqual(next('15,45 22-23 28 3 *', '2026-03-28T12:00:00Z', 3, zone), [
    '03-29T00:15',
    '03-29T00:45',
    '03-29T01:00',
  ]);
  t.deepEqual(next('30 23,0 * * *', '2026-03-29T01:00:00Z', 2, zone), ['03-29T01:30', '03-30T00:30']);
  t.deepEqual(next('0 23 * * *', '2026-10-24T12:00:00Z', 2, zone), ['10-25T00:00', '10-26T01:00']);
});

test('the last time of a long while is found, of schedules that come often and seldom', (t) => {
  const [fromMs, untilMs] = [at('2016-01-01T00:00:00Z'), at('2026-05-05T12:34:56Z')];
  const last = (text: string) => new Date(parseSchedule(text, 'UTC').last(fromMs, untilMs) ?? 0).toISOString();
  t.is(last('* * * * *'), '2026-05-05T12:34:00.000Z');
  t.is(last('0 0 29 2 *'), '2024-02-29T00:00:00.000Z');
  t.is(last('@every 1h'), '2026-05-05T12:00:00.000Z');
  t.is(parseSchedule('0 0 29 2 *', 'UTC').last(at('2024-03-01T00:00:00Z'), untilMs), undefined);
});

const wrong: [text: string, said: RegExp][] = [
  ['', /write minute, hour, day, month, day of the week/],
  ['* * * *', /cannot be read/],
  ['0 * * * * *', /cannot be read .*5/],
  ['60 * * * *', /Invalid value for minute: 60/],
  ['*/0 * * * *', /cannot be read/],
  ['5-1 * * * *', /cannot be read/],
  ['a * * * *', /cannot be read/],
  ['0 0 30 2 *', /"0 0 30 2 \*" is never due/],
  ['@fortnightly', /"@fortnightly" is not known: write @daily/],
  ['@reboot', /"@reboot" is not known/],
  ['@every', /"@every" is not known/],
  ['@every x', /not a duration: "x"/],
  ['@every 0s', /"0s" is no interval/],
  ['@every -5m', /"-5m" is no interval/],
  ['TZ=Mars/Phobos 0 0 * * *', /"Mars\/Phobos" is no time zone: write one such as Europe\/Berlin/],
];

for (const [text, said] of wrong) {
  test(`refused: ${JSON.stringify(text)}`, (t) => {
    t.throws(() => parseSchedule(text), { instanceOf: RangeError, message: said });
  });
}
