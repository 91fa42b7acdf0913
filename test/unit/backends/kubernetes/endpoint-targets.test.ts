import test from 'ava';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { callableEndpoints } from '../../../../src/backends/kubernetes/endpoint-targets.ts';
import { sliceOf } from './cluster-objects.ts';

const names = (...slices: V1EndpointSlice[]) => callableEndpoints(slices, () => false).map(({ replica }) => replica);
const ready = { ready: true, serving: true };
const starting = { ready: false, serving: false };
const ending = { ready: false, serving: true, terminating: true };

test('those that are ready take calls, at their address and port', (t) => {
  const slice = sliceOf([
    { pod: 'a', address: '10.0.0.1', conditions: ready },
    { pod: 'b', address: '10.0.0.2', conditions: starting },
  ]);
  t.deepEqual(
    callableEndpoints([slice], () => false),
    [{ replica: 'a', hostname: '10.0.0.1', port: 8080 }],
  );
});

test('all slices count, and one that is in two of them once', (t) => {
  const a = { pod: 'a', address: '10.0.0.1', conditions: ready };
  const b = { pod: 'b', address: '10.0.0.2', conditions: ready };
  t.deepEqual(names(sliceOf([a], 'echo-1'), sliceOf([a, b], 'echo-2')), ['a', 'b']);
});

test('those that end serve where nobody is ready', (t) => {
  const old = { pod: 'old', address: '10.0.0.1', conditions: ending };
  t.deepEqual(names(sliceOf([old])), ['old']);
  t.deepEqual(names(sliceOf([old, { pod: 'new', address: '10.0.0.2', conditions: ready }])), ['new']);
});

test('those of a node that has not been heard of are called where nobody is ready', (t) => {
  const silent = sliceOf([
    { pod: 'well', address: '10.0.0.1', conditions: starting },
    { pod: 'ill', address: '10.0.0.2', conditions: starting },
    { pod: 'ends', address: '10.0.0.3', conditions: ending },
  ]);
  const called = callableEndpoints([silent], (pod) => pod !== 'ill');
  t.deepEqual(
    called.map(({ replica }) => replica),
    ['well'],
  );
});

test('nothing said of being ready is yes', (t) => {
  t.deepEqual(names(sliceOf([{ pod: 'a', address: '10.0.0.1' }])), ['a']);
});

test('a slice may be without endpoints, and an endpoint without a Pod', (t) => {
  t.deepEqual(names(sliceOf(undefined), sliceOf([{ address: '10.0.0.9', conditions: ready }], 'echo-2')), []);
});
