/** What the doctor says of NATS servers that keep asynchronous calls, and of those that do not. */
import test from 'ava';
import { natsCheck } from '../../../src/cli/doctor/nats-check.ts';
import { makeNatsLogin } from '../../helpers/nats-login.ts';
import { startNatsServer } from '../../helpers/nats-server.ts';
import { patientWith } from '../../unit/cli/doctor/patient-with.ts';

test('without nats_url there is nothing to say', async (t) => {
  t.deepEqual(await natsCheck.look(await patientWith(t)), []);
});

test('a server with JetStream is well, one that has gone is named with what to do', async (t) => {
  await using server = await startNatsServer();
  const patient = await patientWith(t, { env: { nats_url: server.host } });
  t.like(await natsCheck.look(patient), { verdict: 'pass' });
  await server.kill();
  const finding = [await natsCheck.look(patient)].flat()[0];
  t.is(finding?.verdict, 'fail');
  t.regex(finding?.found ?? '', /answered 503: 127\.0\.0\.1:\d+ does not keep them: .*connection refused/i);
});

test('a login that is refused, and files that are not there, are told from a server that is down', async (t) => {
  const login = await makeNatsLogin();
  await using server = await startNatsServer(login);
  const look = async (more: Record<string, string>) => {
    const patient = await patientWith(t, { env: { nats_url: server.host, ...more } });
    return [await natsCheck.look(patient)].flat().map(({ verdict, found }) => `${verdict} ${found}`);
  };
  t.regex((await look({}))[0] ?? '', /^fail .*authorization/i);
  t.regex((await look({ nats_credentials: login.credentialsFile }))[0] ?? '', /^pass /);
  const missing = await look({ nats_credentials: '/no/nats.creds', nats_ca: '/no/ca.pem' });
  t.deepEqual(
    missing.map((said) => said.split(':')[0]),
    ['fail nats_credentials', 'fail nats_ca'],
  );
});
