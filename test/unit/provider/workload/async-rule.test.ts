import test from 'ava';
import fc from 'fast-check';
import { checkWorkload, workloadOf, type FunctionDeployment } from '../../../../src/provider/index.ts';

const deployment = (annotations: Record<string, string> = {}, labels?: Record<string, string>): FunctionDeployment => ({
  ...{ name: 'fn', namespace: 'dev', image: 'fn' },
  labels,
  annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [`com.openfaas.${key}`, value])),
});

test('a function that says nothing has the defaults of its asynchronous calls', (t) => {
  t.deepEqual(workloadOf(deployment()).async, {
    concurrency: undefined,
    keepsResult: false,
    deadLetter: undefined,
    retry: {
      attempts: 10,
      codes: new Set([408, 429, 500, 502, 503, 504]),
      minWaitMs: 10_000,
      maxWaitMs: 120_000,
    },
    unreadable: [],
  });
});

test('each setting is read, from annotations and from labels, and an annotation wins', (t) => {
  const labels = { 'com.openfaas.async.concurrency': '7', 'com.openfaas.retry.attempts': '3' };
  const annotations = {
    'async.keep-result': 'true',
    'async.dead-letter': 'buried.ops',
    'retry.attempts': '4',
    'retry.codes': '429, 503',
    'retry.min_wait': '500ms',
    'retry.max_wait': '2m',
  };
  t.deepEqual(workloadOf(deployment(annotations, labels)).async, {
    concurrency: 7,
    keepsResult: true,
    deadLetter: { name: 'buried', namespace: 'ops' },
    retry: { attempts: 4, codes: new Set([429, 503]), minWaitMs: 500, maxWaitMs: 120_000 },
    unreadable: [],
  });
});

test('a dead-letter function without a namespace is in that of its function', (t) => {
  const { deadLetter } = workloadOf(deployment({ 'async.dead-letter': ' buried ' })).async;
  t.deepEqual(deadLetter, { name: 'buried', namespace: 'dev' });
});

test('the shortest pause is never above the longest, whichever of them is set', (t) => {
  const waits = (annotations: Record<string, string>) => {
    const { minWaitMs, maxWaitMs } = workloadOf(deployment(annotations)).async.retry;
    return [minWaitMs, maxWaitMs];
  };
  t.deepEqual(waits({ 'retry.min_wait': '10m' }), [600_000, 600_000]);
  t.deepEqual(waits({ 'retry.max_wait': '1s' }), [1000, 1000]);
  const crossed = { 'retry.min_wait': '5s', 'retry.max_wait': '1s' };
  t.deepEqual(waits(crossed), [5000, 5000]);
  t.throws(() => checkWorkload(deployment(crossed)), {
    message: /retry\.max_wait "1s" is shorter than min_wait: write /,
  });
  t.deepEqual(waits({ 'retry.min_wait': '0' }), [0, 120_000]);
});

test('no codes are none, and no attempts one', (t) => {
  t.deepEqual(workloadOf(deployment({ 'retry.codes': '' })).async.retry.codes, new Set());
  t.is(workloadOf(deployment({ 'retry.attempts': '0' })).async.retry.attempts, 1);
});

test('what cannot be read is refused at deploy, counts as absent, and is told with how to write it', (t) => {
  const wrong = {
    'async.concurrency': ['many', '-1', '1.5', '9'.repeat(70)],
    'async.keep-result': ['yes', '2'],
    'async.dead-letter': ['no name', 'UPPER', '.', 'a'.repeat(5000)],
    'retry.attempts': ['-1', 'ten', '1e3'],
    'retry.codes': ['5xx', '99', '600', 'all', '500;502', '1'.repeat(5000)],
    'retry.min_wait': ['soon', '-1s', '10 s'],
    'retry.max_wait': ['late', ''],
  };
  const { unreadable, ...defaults } = workloadOf(deployment()).async;
  t.deepEqual(unreadable, []);
  for (const [name, texts] of Object.entries(wrong))
    for (const text of texts) {
      const asked = deployment({ [name]: text });
      t.like(workloadOf(asked).async, defaults, `${name}=${text.slice(0, 20)}`);
      const { message } = t.throws(() => checkWorkload(asked), { message: /: write / });
      t.true(message.startsWith(`com.openfaas.${name} `) && message.length < 400, message);
    }
});

test('a rule is whole whatever is written', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (codes, minWait, maxWait) => {
        const annotations = { 'retry.codes': codes, 'retry.min_wait': minWait, 'retry.max_wait': maxWait };
        const { retry } = workloadOf(deployment(annotations)).async;
        return retry.minWaitMs >= 0 && retry.minWaitMs <= retry.maxWaitMs && Number.isFinite(retry.maxWaitMs);
      }),
    );
  });
});
