import test from 'ava';
import {
  countStates,
  type RowQuery,
  shownRows,
  stateWords,
} from '../../../../../src/gateway/dashboard/browser/row-order.ts';
import type { FunctionRow } from '../../../../../src/gateway/dashboard/wire.ts';

const row = (name: string, more: Partial<FunctionRow> = {}): FunctionRow => ({
  name,
  namespace: 'openfaas-fn',
  state: 'ready',
  image: `registry.example/${name}:1`,
  wanted: 1,
  ready: 1,
  calls: 0,
  callsPerSecond: 0,
  inFlight: 0,
  ...more,
});

const shown = (rows: FunctionRow[], query: Partial<RowQuery>) =>
  shownRows(rows, { text: '', state: '', by: 'name', isDescending: false, ...query }).map(
    ([namespace, group]) => `${namespace}: ${group.map(({ name }) => name).join(' ')}`,
  );

const rows = [
  row('slow', { p99Ms: 900, memoryBytes: 3, state: 'starting' }),
  row('calm', { p99Ms: 2, state: 'asleep', ready: 0 }),
  row('Bad', { state: 'failing', reason: 'It exited with code 1', memoryBytes: 0 }),
  row('also', { p99Ms: 2, ready: 3, callsPerSecond: 12 }),
];

const orders: [RowQuery['by'], boolean, string][] = [
  ['name', false, 'Bad also calm slow'],
  ['name', true, 'slow calm also Bad'],
  ['state', false, 'Bad slow also calm'],
  ['state', true, 'calm also slow Bad'],
  ['replicas', true, 'also Bad slow calm'],
  ['rate', true, 'also Bad calm slow'],
  ['p50', true, 'Bad also calm slow'],
  ['p99', false, 'also calm slow Bad'],
  ['p99', true, 'slow also calm Bad'],
  ['memory', false, 'Bad slow also calm'],
  ['memory', true, 'slow Bad also calm'],
];
for (const [by, isDescending, names] of orders) {
  test(`by ${by}, ${isDescending ? 'greatest' : 'least'} first: ${names}`, (t) => {
    t.deepEqual(shown(rows, { by, isDescending }), [`openfaas-fn: ${names}`]);
    t.deepEqual(shown(rows.toReversed(), { by, isDescending }), [`openfaas-fn: ${names}`], 'however they came');
  });
}

test('namespaces are in order, whichever way functions are sorted, and an empty one is left out', (t) => {
  const some = [row('b', { namespace: 'z' }), row('b', { namespace: 'a' }), row('a', { namespace: 'z' })];
  t.deepEqual(shown(some, {}), ['a: b', 'z: a b']);
  t.deepEqual(shown(some, { isDescending: true }), ['a: b', 'z: b a']);
  t.deepEqual(shown(some, { text: 'z' }), ['z: a b']);
  t.deepEqual(shown([], {}), []);
});

test('functions are found by all words, in any case, and by state', (t) => {
  t.deepEqual(shown(rows, { text: '  CODE  bad ' }), ['openfaas-fn: Bad']);
  t.deepEqual(shown(rows, { text: 'code calm' }), []);
  t.deepEqual(shown(rows, { text: '/calm:1' }), ['openfaas-fn: calm'], 'by the image');
  t.deepEqual(shown(rows, { text: '.*' }), [], 'as text, not as a pattern');
  t.deepEqual(shown(rows, { text: '\t ' }), ['openfaas-fn: Bad also calm slow']);
  t.deepEqual(shown(rows, { state: 'asleep' }), ['openfaas-fn: calm']);
  t.deepEqual(shown(rows, { state: 'asleep', text: 'slow' }), []);
});

test('each state is counted, also one that no function is in', (t) => {
  const counts = countStates([...rows, row('more')]);
  t.deepEqual(
    [...counts],
    [
      ['failing', 1],
      ['starting', 1],
      ['ready', 2],
      ['asleep', 1],
    ],
  );
  t.deepEqual(
    [...countStates([])],
    stateWords.map((state) => [state, 0]),
  );
});
