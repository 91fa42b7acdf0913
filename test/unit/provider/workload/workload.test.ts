import test from 'ava';
import fc from 'fast-check';
import { clampReplicas, resourcesOf, workloadOf, type FunctionDeployment } from '../../../../src/provider/index.ts';

const deployment = (rest: Partial<FunctionDeployment> = {}): FunctionDeployment => ({
  name: 'fn',
  namespace: 'openfaas-fn',
  image: 'fn',
  ...rest,
});

const scaled = (min?: string, max?: string) =>
  deployment({
    labels: {
      ...(min !== undefined && { 'com.openfaas.scale.min': min }),
      ...(max !== undefined && { 'com.openfaas.scale.max': max }),
    },
  });

test('replicas are bounded only by the labels that are set, and zero is always allowed', (t) => {
  t.is(clampReplicas(deployment(), 500), 500);
  t.is(clampReplicas(scaled('2'), 1), 2);
  t.is(clampReplicas(scaled('2'), 500), 500);
  t.is(clampReplicas(scaled(undefined, '3'), 500), 3);
  t.is(clampReplicas(scaled('2', '3'), 0), 0);
});

test('a minimum above the maximum wins over it', (t) => {
  t.is(clampReplicas(scaled('5', '3'), 1), 5);
  t.is(clampReplicas(scaled('5', '3'), 9), 5);
});

test('with the labels of anybody, an awake function has one replica at least', (t) => {
  const label = fc.option(fc.oneof(fc.string(), fc.nat().map(String)), { nil: undefined });
  t.notThrows(() => {
    fc.assert(
      fc.property(label, label, fc.integer({ min: 1, max: 1000 }), (min, max, replicas) => {
        const clamped = clampReplicas(scaled(min, max), replicas);
        return Number.isInteger(clamped) && clamped >= 1 && clamped >= workloadOf(scaled(min, max)).scaling.min;
      }),
    );
  });
});

test('a function begins with its minimum, one when that is none or no number', (t) => {
  t.is(workloadOf(scaled('4')).scaling.min, 4);
  for (const min of [undefined, '0', '-3', 'two', '1.5', '']) t.is(workloadOf(scaled(min)).scaling.min, 1);
});

test('the pull policy is the annotation, when it is one', (t) => {
  const policyOf = (policy: string) =>
    workloadOf(deployment({ annotations: { 'com.openfaas.image.pull-policy': policy } })).pullPolicy;
  t.is(policyOf('Always'), 'Always');
  t.is(policyOf('IfNotPresent'), 'IfNotPresent');
  t.is(policyOf('Never'), 'Never');
  t.is(policyOf('always'), undefined);
  t.is(workloadOf(deployment()).pullPolicy, undefined);
});

test('the disk limit is an amount of bytes, any for 0, and what cannot be read is refused', (t) => {
  const read = (amount: string) => workloadOf(deployment({ annotations: { 'com.openfaas.berth.disk-limit': amount } }));
  t.like(read('2Gi'), { diskLimitBytes: 2 * 1024 ** 3, unreadable: [] });
  t.like(read('0'), { diskLimitBytes: Infinity, unreadable: [] });
  t.is(workloadOf(deployment()).diskLimitBytes, undefined);
  for (const amount of ['', 'much', '2GiB', '-1', '1'.repeat(70)]) {
    const { diskLimitBytes, unreadable } = read(amount);
    t.is(diskLimitBytes, undefined);
    t.regex(unreadable.join(), /^com\.openfaas\.berth\.disk-limit .*cannot be read: write an amount such as 2Gi/);
  }
});

test('a sleeping replica stands by only when it is asked to', (t) => {
  const depthOf = (depth: string) =>
    workloadOf(deployment({ labels: { 'com.openfaas.scale.zero-depth': depth } })).zeroDepth;
  t.is(depthOf('standby'), 'standby');
  t.is(depthOf('deep'), 'cold');
  t.is(workloadOf(deployment()).zeroDepth, 'cold');
});

test('blanks around a number do not matter', (t) => {
  t.is(workloadOf(scaled(' 2')).scaling.min, 2);
  t.is(clampReplicas(scaled('2\t', ' 3 '), 500), 3);
});

test('a deployment is read once, and a new one anew', (t) => {
  const first = scaled('2');
  t.is(workloadOf(first), workloadOf(first));
  t.is(workloadOf({ ...first, labels: {} }).scaling.min, 1);
});

test('limits and requests are bytes and millicores', (t) => {
  const limits = { memory: '64Mi', cpu: '0.5' };
  t.deepEqual(resourcesOf({ limits, requests: { memory: '1k' } }), {
    memoryLimitBytes: 64 * 1024 * 1024,
    memoryRequestBytes: 1000,
    cpuLimitMillicores: 500,
    cpuRequestMillicores: undefined,
  });
});

test('a quantity that cannot be read is refused by its field', (t) => {
  t.throws(() => resourcesOf({ requests: { cpu: 'lots' } }), { message: /^requests\.cpu "lots"/ });
});

test('a pull secret is named by one name, of any length that a secret has', (t) => {
  const named = (secret: string) =>
    workloadOf(deployment({ annotations: { 'com.openfaas.image.pull-secret': secret } }));
  t.is(named(` ${'a'.repeat(253)} `).pullSecret, 'a'.repeat(253));
  t.is(named(' ').pullSecret, undefined);
  t.deepEqual(named('a,b').unreadable, [
    'com.openfaas.image.pull-secret "a,b" is no name of a secret: write the name of one, with a docker config.json',
  ]);
});
