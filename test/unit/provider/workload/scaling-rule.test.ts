import test from 'ava';
import fc from 'fast-check';
import { quote } from '../../../../src/base/quote.ts';
import {
  hasScalingLabel,
  scalingRule as scalingRuleOf,
  type ScalingRule,
} from '../../../../src/provider/workload/scaling-rule.ts';

const scalingRule = (labels: Record<string, string>, annotations = {}) => scalingRuleOf(labels, annotations);
const scale = (labels: Record<string, string>) =>
  Object.fromEntries(Object.entries(labels).map(([name, value]) => [`com.openfaas.scale.${name}`, value]));

const rules: [labels: Record<string, string>, rule: Partial<ScalingRule>][] = [
  [{}, { min: 1, max: 20, load: undefined, zeroAfterMs: undefined, alertStep: 4 }],
  [{ min: '2' }, { min: 2, max: 20, load: undefined }],
  [{ min: '1', max: '2' }, { load: { type: 'rps', perReplica: 5, min: 1, max: 2, downWindowMs: 0 } }],
  [{ max: '3' }, { load: { type: 'rps', perReplica: 5, min: 1, max: 3, downWindowMs: 0 } }],
  [{ min: '2', max: '2' }, { load: undefined }],
  [{ min: '2', max: '2', type: 'rps', target: '1' }, { load: undefined }],
  [
    { min: '1', max: '5', factor: '0' },
    { load: undefined, alertStep: 0 },
  ],
  [{ type: 'rps' }, { load: { type: 'rps', perReplica: 45, min: 1, max: 20, downWindowMs: 0 } }],
  [{ target: '10' }, { load: { type: 'rps', perReplica: 9, min: 1, max: 20, downWindowMs: 0 } }],
  [
    { type: 'capacity', target: '100', 'target-proportion': '0.7', 'down.window': '2m', min: '2', max: '9' },
    { load: { type: 'capacity', perReplica: 70, min: 2, max: 9, downWindowMs: 120_000 } },
  ],
  [
    { type: 'cpu', target: '0.5', 'target-proportion': '1' },
    { load: { type: 'cpu', perReplica: 0.5, min: 1, max: 20, downWindowMs: 0 } },
  ],
  [{ zero: 'true' }, { zeroAfterMs: 900_000, load: undefined }],
  [{ zero: 'true', 'zero-duration': '1m30s' }, { zeroAfterMs: 90_000 }],
  [{ zero: 'false', 'zero-duration': '1m' }, { zeroAfterMs: undefined }],
  [{ max: '30', factor: '25' }, { alertStep: 8 }],
];
for (const [labels, rule] of rules) {
  test(`labels ${JSON.stringify(labels)}`, (t) => {
    const read = scalingRule(scale(labels));
    t.like(read, rule);
    t.deepEqual(read.warnings, []);
  });
}

const unreadable: [label: string, value: string][] = [
  ['min', 'two'],
  ['min', '0'],
  ['min', '-1'],
  ['max', '1.5'],
  ['max', '0'],
  ['max', '99999999'],
  ['target', '0'],
  ['target', 'NaN'],
  ['target', '1e3'],
  ['target-proportion', '-0.5'],
  ['down.window', '10m'],
  ['down.window', '30'],
  ['factor', '101'],
  ['zero', 'yes'],
  ['zero-duration', '-1m'],
  ['zero-duration', '15'],
  ['zero-duration', ''],
];
for (const [label, value] of [...unreadable, ['zero-duration', '1'.repeat(5000)] as const]) {
  test(`${label}=${JSON.stringify(value.slice(0, 20))} is told in one warning, and its default is used`, (t) => {
    // A type, so that every label is looked at.
    const others: Record<string, string> = { type: 'rps' };
    const rule = scalingRule(scale({ ...others, [label]: value }));
    t.deepEqual({ ...rule, warnings: [], unreadable: [] }, scalingRule(scale(others)));
    t.deepEqual(rule.warnings, [`com.openfaas.scale.${label} ${quote(value)} cannot be read: its default is used`]);
    if (value === '0') return t.deepEqual(rule.unreadable, []);
    t.is(rule.unreadable.length, 1);
    t.true(rule.unreadable[0]?.startsWith(`com.openfaas.scale.${label} ${quote(value)} cannot be read: write `));
  });
}

test('load of a type that is not known scales nothing, which is told and no reason to refuse', (t) => {
  for (const type of ['queues', '', 'r'.repeat(100_000)]) {
    const rule = scalingRule(scale({ type, target: '5', max: '9' }));
    t.like(rule, { load: undefined, min: 1, max: 9, unreadable: [] });
    const told = /^com\.openfaas\.scale\.type ".*" is not known: .*write rps, capacity, cpu or queue$/;
    t.regex(rule.warnings.join('\n'), told);
  }
});

test('a max that cannot be read is no leave to add replicas', (t) => {
  t.is(scalingRule(scale({ max: 'lots' })).load, undefined);
});

test('a max below min is min', (t) => {
  const rule = scalingRule(scale({ min: '3', max: '2' }));
  t.like(rule, { min: 3, max: 3, load: undefined });
  t.regex(rule.warnings.join('\n'), /^com\.openfaas\.scale\.max is below min: [^\n]*$/);
});

test('scale.zero as an annotation does nothing but a warning', (t) => {
  const rule = scalingRule({}, scale({ zero: 'true' }));
  t.is(rule.zeroAfterMs, undefined);
  t.regex(rule.warnings.join('\n'), /^com\.openfaas\.scale\.zero is an annotation here: only a label counts$/);
});

test('only labels of com.openfaas.scale make a function one to look at', (t) => {
  t.true(hasScalingLabel(scale({ zero: 'true' })));
  t.false(hasScalingLabel({ faas_function: 'env', 'com.openfaas.ui.ext': 'png' }));
});

test('no label makes a rule that cannot be followed', (t) => {
  const names = ['min', 'max', 'type', 'target', 'target-proportion', 'down.window', 'factor', 'zero', 'zero-duration'];
  const text = fc.oneof(fc.string(), fc.integer().map(String), fc.double().map(String), fc.constantFrom('1m', 'rps'));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...names), text), (labels) => {
      const { min, max, load, zeroAfterMs = 1 } = scalingRule(scale(labels));
      t.true(min >= 1 && max >= min && zeroAfterMs > 0);
      if (load) t.true(load.perReplica > 0 && load.downWindowMs >= 0 && load.min < load.max);
    }),
  );
});
