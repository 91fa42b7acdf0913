import test from 'ava';
import {
  mostEvents,
  newsOf,
  shownEvents,
  withEvents,
} from '../../../../../src/gateway/dashboard/browser/event-list.ts';
import type { EventView } from '../../../../../src/gateway/dashboard/wire.ts';

const event = (id: string, more: Partial<EventView> = {}): EventView => ({
  id,
  at: '2026-01-01T00:00:00Z',
  kind: 'deployed',
  severity: 'info',
  text: `event ${id}`,
  ...more,
});
const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => event(String(from + i)));
const ids = (list: readonly EventView[]) => list.map(({ id }) => id);

test('the newest event is first, and none is there twice', (t) => {
  const list = withEvents([], events(0, 3));
  t.deepEqual(ids(list), ['2', '1', '0']);
  t.deepEqual(ids(withEvents(list, [event('1'), event('3'), event('3'), event('4')])), ['4', '3', '2', '1', '0']);
  t.deepEqual(ids(list), ['2', '1', '0'], 'the list itself stays');
});

test('events that came are left in their order for whoever gave them', (t) => {
  const newer = events(0, 2);
  withEvents([], newer);
  t.deepEqual(ids(newer), ['0', '1']);
});

test('the oldest events go, whether they come at once or one by one', (t) => {
  const whole = events(0, mostEvents + 10);
  const atOnce = withEvents([], whole);
  t.is(atOnce.length, mostEvents);
  t.deepEqual([atOnce[0]?.id, atOnce.at(-1)?.id], [String(mostEvents + 9), '10']);
  t.deepEqual(
    whole.reduce<EventView[]>((list, one) => withEvents(list, [one]), []),
    atOnce,
  );
});

test('events are found by all words, kind and severity', (t) => {
  const list = [
    event('1', {
      text: 'Ran out of MEMORY',
      name: 'resize',
      namespace: 'shop',
      kind: 'out-of-memory',
      severity: 'error',
    }),
    event('2', { text: 'Was deployed', name: 'resize', namespace: 'openfaas-fn' }),
    event('3', { text: 'berth started', kind: 'berth-started' }),
  ];
  const found = (text: string, kind = '', severity = '') => ids(shownEvents(list, { text, kind, severity }));
  t.deepEqual(found(''), ['1', '2', '3']);
  t.deepEqual(found(' memory  Resize'), ['1']);
  t.deepEqual(found('shop'), ['1']);
  t.deepEqual(found('resize'), ['1', '2']);
  t.deepEqual(found('undefined'), [], 'what an event has not is not found');
  t.deepEqual(found('(resize'), []);
  t.deepEqual(found('', 'deployed'), ['2']);
  t.deepEqual(found('', '', 'error'), ['1']);
  t.deepEqual(found('resize', 'deployed', 'error'), []);
});

test('a screen reader says one event, or how many and the last', (t) => {
  t.is(newsOf([]), '');
  t.is(newsOf(events(0, 1)), 'event 0');
  t.is(newsOf(events(0, 3)), '3 new events, the last: event 2');
});
