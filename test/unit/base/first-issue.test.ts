import test from 'ava';
import { z } from 'zod';
import { firstIssue } from '../../../src/base/first-issue.ts';

const shape = z.object({ limits: z.object({ memory: z.string({ error: 'must be a string' }) }) });
const issueOf = (value: unknown) => firstIssue(shape.safeParse(value).error!, 'the body');

test('the first thing that is wrong is named by its path', (t) => {
  t.is(issueOf({ limits: { memory: 1 } }), 'limits.memory must be a string');
});

test('a value that is wrong as a whole is named as the caller says', (t) => {
  t.regex(issueOf(1), /^the body: Invalid input/);
});

test('a long path is cut', (t) => {
  const error = z.record(z.string(), z.string()).safeParse({ ['k'.repeat(500)]: 1 }).error!;
  t.true(firstIssue(error, 'the body').length < 200);
});
