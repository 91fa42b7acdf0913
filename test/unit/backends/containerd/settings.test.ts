import test from 'ava';
import fc from 'fast-check';
import {
  clampReplicas,
  drainMsOf,
  maxInflightOf,
  minReplicasOf,
  pullPolicyOf,
  zeroDepthOf,
} from '../../../../src/backends/containerd/settings.ts';
import type { FunctionDeployment } from '../../../../src/provider/index.ts';

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
        return Number.isInteger(clamped) && clamped >= 1 && clamped >= minReplicasOf(scaled(min, max));
      }),
    );
  });
});

test('a function begins with its minimum, one when that is none or no number', (t) => {
  t.is(minReplicasOf(scaled('4')), 4);
  for (const min of [undefined, '0', '-3', 'two', '1.5', '']) t.is(minReplicasOf(scaled(min)), 1);
});

test('the watchdog setting max_inflight limits calls at once; 0 and nonsense do not', (t) => {
  const limitOf = (max_inflight: string) => maxInflightOf(deployment({ envVars: { max_inflight } }));
  t.is(limitOf('5'), 5);
  for (const none of ['0', '-1', 'many', '']) t.is(limitOf(none), Infinity);
  t.is(maxInflightOf(deployment()), Infinity);
});

const drainOf = (envVars: Record<string, string>) => drainMsOf(deployment({ envVars }));

test("calls in flight get the function's own grace period, else its write timeout", (t) => {
  t.is(drainOf({ grace_period: '90s', write_timeout: '10s' }), 90_000);
  t.is(drainOf({ write_timeout: '1m30s' }), 90_000);
  t.is(drainOf({ write_timeout: '15' }), 15_000);
  t.is(drainOf({ grace_period: 'soon', write_timeout: '10s' }), 10_000);
  t.is(drainOf({}), undefined);
});

test('a write timeout of none cuts nobody off: the default holds', (t) => {
  t.is(drainOf({ write_timeout: '0s' }), undefined);
  t.is(drainOf({ write_timeout: '-5s' }), undefined);
});

test('a grace period longer than a timer holds is as long as one can be, and not over at once', (t) => {
  t.is(drainOf({ grace_period: '10000h' }), 2 ** 31 - 1);
});

test('the pull policy is the annotation, when it is one', (t) => {
  const policyOf = (policy: string) =>
    pullPolicyOf(deployment({ annotations: { 'com.openfaas.image.pull-policy': policy } }));
  t.is(policyOf('Always'), 'Always');
  t.is(policyOf('IfNotPresent'), 'IfNotPresent');
  t.is(policyOf('Never'), 'Never');
  t.is(policyOf('always'), undefined);
  t.is(pullPolicyOf(deployment()), undefined);
});

test('a sleeping replica stands by only when it is asked to', (t) => {
  const depthOf = (depth: string) => zeroDepthOf(deployment({ labels: { 'com.openfaas.scale.zero-depth': depth } }));
  t.is(depthOf('standby'), 'standby');
  t.is(depthOf('deep'), 'cold');
  t.is(zeroDepthOf(deployment()), 'cold');
});
