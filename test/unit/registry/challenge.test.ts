import test from 'ava';
import fc from 'fast-check';
import { parseChallenges } from '../../../src/registry/challenge.ts';

test('a bearer challenge gives its parameters', (t) => {
  t.deepEqual(parseChallenges('Bearer realm="https://a.io/token",service="reg",scope="repository:a/b:pull,push"'), [
    {
      scheme: 'bearer',
      parameters: { realm: 'https://a.io/token', service: 'reg', scope: 'repository:a/b:pull,push' },
    },
  ]);
});

test('several challenges in one header are told apart', (t) => {
  t.deepEqual(parseChallenges('Basic realm="a, b", Bearer REALM=https://x.io/t , error="say \\"no\\"", Negotiate'), [
    { scheme: 'basic', parameters: { realm: 'a, b' } },
    { scheme: 'bearer', parameters: { realm: 'https://x.io/t', error: 'say "no"' } },
    { scheme: 'negotiate', parameters: {} },
  ]);
});

test('any header is read to an end', (t) => {
  fc.assert(
    fc.property(fc.string(), (header) => Array.isArray(parseChallenges(header))),
    { numRuns: 5000 },
  );
  t.deepEqual(parseChallenges('"unreadable'), []);
});
