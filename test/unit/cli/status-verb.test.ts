import test from 'ava';
import { runVerb } from './run-verb.ts';
import { serveTold } from './told-provider.ts';

const disk = { name: 'disk', healthy: true };

test('where all is well, status shows every function of every namespace and ends with 0', async (t) => {
  const { provider, env } = await serveTold(t, { parts: [disk] });
  provider.add('hello', 2);
  provider.add('dozes', 0, {}, 'staging');
  const { code, stdout } = await runVerb(['status'], env);
  t.is(code, 0);
  t.regex(stdout, /^berth \S+ \(abc\) is ready/);
  t.regex(stdout, /^all 1 parts are well$/m);
  t.regex(stdout, /^openfaas-fn +hello +2\/2$/m);
  t.regex(stdout, /^staging +dozes +asleep$/m);
});

test('a function that is not ready is shown with the reason, and status ends with 1', async (t) => {
  const { provider, env } = await serveTold(t);
  const status = provider.add('broken', 1);
  status.availableReplicas = 0;
  status.berth = { reason: 'it does not listen on port 8080', lastExit: 'exit code 3 at 2026-01-01' };
  const { code, stdout } = await runVerb(['status'], env);
  t.is(code, 1);
  t.regex(
    stdout,
    /^openfaas-fn +broken +0\/1 +it does not listen on port 8080; ended last: exit code 3 at 2026-01-01$/m,
  );
});

test('a part that is not well is shown with its mend, and status ends with 1', async (t) => {
  const part = { name: 'host_firewall', healthy: false, problem: 'a firewall stops', mend: 'nft insert rule x' };
  const { env } = await serveTold(t, { parts: [disk, part] });
  const { code, stdout } = await runVerb(['status'], env);
  t.is(code, 1);
  t.regex(stdout, /^host_firewall: a firewall stops\n {2}run: nft insert rule x$/m);
});

test('a daemon that is still starting is not well', async (t) => {
  const { env } = await serveTold(t, { ready: false });
  const { code, stdout } = await runVerb(['status'], env);
  t.is(code, 1);
  t.regex(stdout, /is starting/);
});

test('programs get all of it as one object', async (t) => {
  const { provider, env } = await serveTold(t, { parts: [disk] });
  provider.add('hello', 1);
  const { stdout } = await runVerb(['status', '--json'], env);
  t.like(JSON.parse(stdout), {
    ok: true,
    ready: true,
    parts: [disk],
    functions: [{ namespace: 'openfaas-fn', name: 'hello', image: 'test', wanted: 1, ready: 1, asleep: false }],
  });
});

test('where the daemon is down, status says so and what to do', async (t) => {
  const { code, stdout } = await runVerb(['status'], { port: '1', bind: '127.0.0.1', basic_auth: 'false' });
  t.is(code, 1);
  t.regex(stdout, /^berth does not answer at 127\.0\.0\.1:1/);
  t.regex(stdout, /^the service is /m);
  t.regex(stdout, /sudo berth doctor/);
});

test('where the settings cannot be read, status says why', async (t) => {
  const broken = await runVerb(['status'], { port: 'eighty' });
  t.is(broken.code, 1);
  t.regex(broken.stdout, /^port: "eighty" cannot be read/);
  const unreadable = await runVerb(['status', '--json'], {}, { envError: new Error('run it with sudo') });
  t.like(JSON.parse(unreadable.stdout), { ok: false, problem: 'run it with sudo' });
});
