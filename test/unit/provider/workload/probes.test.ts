import test from 'ava';
import { livenessOf, readinessOf } from '../../../../src/provider/workload/probes.ts';

test('without annotations readiness is asked closely and liveness now and then, on the watchdog path', (t) => {
  t.like(readinessOf({}), { path: undefined, initialDelayMs: 0, successThreshold: 1, timeoutMs: 1000 });
  t.like(livenessOf({}), { path: undefined, periodMs: 10_000, timeoutMs: 5000, failureThreshold: 3 });
});

test('annotations set path, times and thresholds of each probe by itself', (t) => {
  const annotated = {
    'com.openfaas.ready.http.path': '/_/ready',
    'com.openfaas.ready.http.initialDelay': '1m',
    'com.openfaas.ready.http.periodSeconds': '2',
    'com.openfaas.health.http.path': '/healthz',
    'com.openfaas.health.http.initialDelaySeconds': '30',
    'com.openfaas.health.http.periodSeconds': '5',
    'com.openfaas.health.http.timeoutSeconds': '0.5s',
    'com.openfaas.health.http.failureThreshold': '7',
  };
  t.like(readinessOf(annotated), { path: '/_/ready', initialDelayMs: 60_000, periodMs: 2000, failureThreshold: 3 });
  t.like(livenessOf(annotated), {
    path: '/healthz',
    initialDelayMs: 30_000,
    periodMs: 5000,
    timeoutMs: 500,
    failureThreshold: 7,
  });
});

test('a path of health is the one of readiness too, unless that has its own', (t) => {
  const health = { 'com.openfaas.health.http.path': '/healthz', 'com.openfaas.health.http.periodSeconds': '5' };
  t.like(readinessOf(health), { path: '/healthz', periodMs: 250 }, 'the path alone');
  t.is(readinessOf({ ...health, 'com.openfaas.ready.http.path': '/_/ready' }).path, '/_/ready');
  t.is(livenessOf({ 'com.openfaas.ready.http.path': '/_/ready' }).path, undefined);
});

test('a setting that cannot be read is as if it were not there, and none makes a probe spin or never end', (t) => {
  for (const nonsense of ['soon', '-5', '', 'NaN', 'Infinity', '1e9', '0']) {
    const annotations = Object.fromEntries(
      ['initialDelaySeconds', 'periodSeconds', 'timeoutSeconds', 'successThreshold', 'failureThreshold'].map((key) => [
        `com.openfaas.health.http.${key}`,
        nonsense,
      ]),
    );
    const { initialDelayMs, periodMs, timeoutMs, successThreshold, failureThreshold } = livenessOf(annotations);
    t.is(initialDelayMs, 0, nonsense);
    t.deepEqual([periodMs, timeoutMs], [10_000, 5000], nonsense);
    for (const count of [successThreshold, failureThreshold]) {
      t.true(Number.isInteger(count) && count >= 1 && count <= 1000, `${nonsense}: ${count}`);
    }
  }
  const endless = livenessOf({ 'com.openfaas.health.http.periodSeconds': '10000h' });
  t.true(endless.periodMs < 2 ** 31, 'a timer that can be held');
});

test('blanks around a time or a threshold do not matter', (t) => {
  const annotations = {
    'com.openfaas.health.http.initialDelay': ' 1m ',
    'com.openfaas.health.http.periodSeconds': '5 ',
    'com.openfaas.health.http.failureThreshold': ' 7',
  };
  t.like(livenessOf(annotations), { initialDelayMs: 60_000, periodMs: 5000, failureThreshold: 7 });
});

test('probes allow a start what their annotations say, and without any nothing is said', (t) => {
  t.is(startAllowedMs({}), 0);
  t.is(startAllowedMs({ 'com.openfaas.ready.http.path': '/ready' }), 0);
  t.is(startAllowedMs({ 'com.openfaas.ready.http.initialDelaySeconds': '150' }), 150_000 + 3 * 250 + 1000);
  t.is(startAllowedMs({ 'com.openfaas.health.http.initialDelay': '2m30s' }), 150_000 + 3 * 10_000 + 5000);
  const slow = { periodSeconds: '60', failureThreshold: '5', successThreshold: '2', timeoutSeconds: '3' };
  const annotations = Object.entries(slow).map(([name, value]) => [`com.openfaas.ready.http.${name}`, value]);
  t.is(startAllowedMs(Object.fromEntries(annotations) as Record<string, string>), 6 * 60_000 + 3000);
});

function startAllowedMs(annotations: Record<string, string>): number {
  return Math.max(readinessOf(annotations).startAllowedMs, livenessOf(annotations).startAllowedMs);
}
