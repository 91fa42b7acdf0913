import test from 'ava';
import { checkDeployment } from '../../../../src/backends/kubernetes/check-deployment.ts';
import { BadRequestError, type FunctionDeployment } from '../../../../src/provider/index.ts';
import { versionOf } from './cluster-objects.ts';

const refusals: [what: string, fields: Partial<FunctionDeployment>, message: RegExp][] = [
  ['a name that no Service can have', { name: '1st' }, /begins with a letter/],
  ['an image whose repository is not lower case', { image: 'ghcr.io/Owner/fn' }, /lower case/],
  ['an image that is a URL', { image: 'https://ghcr.io/fn' }, /invalid image reference/],
  ['a digest that is cut', { image: 'fn@sha256:abc' }, /64 lower case hex digits/],
  ['more than an annotation holds', { envVars: { LONG: '"'.repeat(130 * 1024) } }, /at most 250 KiB.*shorter/],
  ['a profile', { annotations: { 'com.openfaas.profile': 'gvisor' } }, /no profiles/],
];

for (const [what, fields, message] of refusals)
  test(`${what} is refused`, (t) => {
    const { deployment } = versionOf('g1', fields);
    const error = t.throws(() => checkDeployment(deployment), { instanceOf: BadRequestError });
    t.regex(error.message, message);
  });

test('what Kubernetes takes is not', (t) => {
  const envVars = { LONG: 'x'.repeat(200 * 1024) };
  t.notThrows(() => checkDeployment(versionOf('g1', { image: '127.0.0.1:5000/fn:latest', envVars }).deployment));
});
