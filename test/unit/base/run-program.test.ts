import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { runProgram } from '../../../src/base/run-program.ts';
import { withoutDescriptors } from '../../helpers/without-descriptors.ts';

test('a program is given its arguments, environment and input, and its output and exit code are answered', async (t) => {
  const script = 'cat; echo "$NAME" >&2; exit "$1"';
  const run = await runProgram('/bin/sh', { args: ['-c', script, 'sh', '3'], env: { NAME: 'é' }, stdin: 'in' });
  t.deepEqual(run, { stdout: 'in', stderr: 'é\n', exitCode: 3, signal: null, timedOut: false });
});

test('a program without an environment of its own gets PATH alone', async (t) => {
  const { stdout } = await runProgram('/usr/bin/env');
  t.is(stdout, 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n');
});

test('a program that takes too long is killed with what it started', async (t) => {
  const run = await runProgram('/bin/sh', { args: ['-c', 'sleep 600 & sleep 600'], timeoutMs: 50 });
  t.true(run.timedOut);
  t.is(run.signal, 'SIGKILL');
});

test('a program that reads nothing is no failure', async (t) => {
  const { exitCode } = await runProgram('/bin/true', { stdin: 'x'.repeat(1024 * 1024) });
  t.is(exitCode, 0);
});

test('the limit may pass when the program has ended and a child in a session of its own holds its output', async (t) => {
  const run = await runProgram('/bin/sh', { args: ['-c', 'setsid sleep 4 & exit 0'], timeoutMs: 3000 });
  t.is(run.exitCode, 0);
});

test('a program whose end nobody hears of is not waited for longer than its limit and a moment', async (t) => {
  const program = runProgram('/bin/sh', { args: ['-c', 'setsid sleep 60 & echo $!; sleep 600'], timeoutMs: 3000 });
  const run = await Promise.race([program, sleep(30_000, undefined, { ref: false })]);
  t.true(run?.timedOut);
  // To none at all, which is 0, it would go to this process and all of its group.
  t.regex(run?.stdout ?? '', /^[1-9]/);
  process.kill(Number(run?.stdout), 'SIGKILL');
});

test('what cannot be started rejects with the code of the system', async (t) => {
  await t.throwsAsync(runProgram('/no/such/program'), { code: 'ENOENT' });
});

test('without a file descriptor left it rejects with the code of the system, and ends nothing else', async (t) => {
  const { stdout, stderr } = await withoutDescriptors(
    `const { runProgram } = await import('${path.join(import.meta.dirname, '../../../src/base/run-program.ts')}');`,
    `await runProgram('true', { timeoutMs: 1 }).catch(({ code }) => console.log(code));
     setTimeout(() => console.log('alive'), 50);`,
  );
  t.is(stdout, 'EMFILE\nalive\n', stderr);
});
