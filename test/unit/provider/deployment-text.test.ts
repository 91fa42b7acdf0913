import test from 'ava';
import { deploymentText } from '../../../src/provider/index.ts';

const fn = { name: 'a', namespace: 'openfaas-fn', image: 'x:1' };

test('deployments that ask for the same are the same text, whatever their order and what is empty', (t) => {
  const one = { ...fn, envVars: { A: '1', B: '2' }, labels: {}, readOnlyRootFilesystem: false };
  const status = { replicas: 3, availableReplicas: 0, annotations: {}, createdAt: 'now' };
  t.is(deploymentText(one), deploymentText({ ...status, labels: {}, envVars: { B: '2', A: '1' }, ...fn }));
});

test('deployments that ask for something else are another text', (t) => {
  const others = [
    { ...fn, image: 'x:2' },
    { ...fn, namespace: 'dev' },
    { ...fn, envVars: { A: '' } },
    { ...fn, envVars: { A: 'false' } },
    { ...fn, secrets: ['a', 'b'] },
    { ...fn, secrets: ['b', 'a'] },
    { ...fn, limits: { memory: '5Mi' } },
    { ...fn, requests: { memory: '5Mi' } },
    { ...fn, readOnlyRootFilesystem: true },
    { ...fn, labels: { 'a.b': 'c' } },
    { ...fn, annotations: { 'a.b': 'c' } },
  ];
  t.is(new Set([fn, ...others].map(deploymentText)).size, others.length + 1);
});
