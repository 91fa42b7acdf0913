import test from 'ava';
import { answerOfCluster, KubernetesError } from '../../../../src/backends/kubernetes/kubernetes-error.ts';
import { FunctionNotFoundError } from '../../../../src/provider/index.ts';

/** As the client throws it, with the headers of the answer in its message. */
const refusal = (code: number, status: object, asText = true) =>
  Object.assign(new Error(`HTTP-Code: ${code}\nHeaders: {"audit-id":"x"}`), {
    code,
    body: asText ? JSON.stringify(status) : status,
  });

const answers: [code: number, status: object, answered: number, message: RegExp][] = [
  [422, { reason: 'Invalid', message: 'spec.replicas: must be >= 0' }, 400, /spec\.replicas: must be >= 0/],
  [400, { message: 'unknown field' }, 400, /unknown field/],
  [403, { reason: 'Forbidden', message: 'cannot list pods' }, 500, /give berth's service account the right.*list pods/],
  [403, { message: 'pods is forbidden: User "x" cannot list resource' }, 500, /give berth's service account the right/],
  [403, { message: 'deployments.apps "a" is forbidden: User "x" cannot patch resource' }, 500, /give berth's/],
  [403, { message: 'deployments.apps "a" is forbidden: exceeded quota: q' }, 400, /refuses it.*exceeded quota/],
  [401, {}, 500, /kubeconfig/],
  [409, { reason: 'Conflict', message: 'modified' }, 409, /modified/],
  [429, {}, 503, /try again/],
  [503, {}, 503, /try again/],
];

for (const [code, status, answered, message] of answers)
  test(`${code} of the cluster is answered ${answered}: ${message.source}`, (t) => {
    for (const asText of [true, false]) {
      const error = answerOfCluster(KubernetesError.of('create it', refusal(code, status, asText)));
      t.is(error.status, answered);
      t.regex(error.message, message);
      t.notRegex(error.message, /audit-id/);
    }
  });

test('a cluster that cannot be reached is 503, and says when to try again', (t) => {
  const error = answerOfCluster(KubernetesError.of('list pods', new Error('connect ECONNREFUSED')));
  t.is(error.status, 503);
  t.regex(error.message, /list pods: connect ECONNREFUSED/);
  t.is(error.headers?.['Retry-After'], '2');
});

test('what Kubernetes calls its refusals is known', (t) => {
  t.true(KubernetesError.of('x', refusal(409, { reason: 'AlreadyExists' })).isAlreadyExists);
  t.true(KubernetesError.of('x', refusal(409, { reason: 'Conflict' })).isConflict);
  t.true(KubernetesError.of('x', refusal(404, {})).isNotFound);
  t.true(KubernetesError.of('x', Object.assign(new Error('Gone'), { statusCode: 410 })).isExpired);
});

test('an error of the contract stays as it is', (t) => {
  const error = new FunctionNotFoundError({ name: 'a', namespace: 'b' });
  t.is(answerOfCluster(error), error);
});
