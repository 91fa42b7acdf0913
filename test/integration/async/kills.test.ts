/** Calls while the daemon, their function and what keeps them are killed: each is made, ends, and is told to who asked for it. */
import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { startNatsServer, type TestNatsServer } from '../../helpers/nats-server.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, type TestHost } from '../functions/setup.ts';
import { deploy } from '../lifecycle/setup.ts';
import {
  each,
  endOf,
  killsOf,
  loadCall,
  post,
  randomFrom,
  Receiver,
  type LoadCall,
  type Posted,
} from './kill-world.ts';

/** 10 000 by test/soak/async-kills.sh. */
const count = Number(process.env.BERTH_TEST_ASYNC_CALLS ?? 1000);
const seed = Number(process.env.BERTH_TEST_SEED ?? randomInt(2 ** 31));
/** There is a kill while so many are accepted, and some of them made. */
const callsOfKill = 250;
const longestPauseMs = 400;
const attempts = { works: '100', fails: '3' };

async function startKillHost(nats?: TestNatsServer): Promise<TestHost> {
  const env = { callback_allow: '127.0.0.1/32', log_level: 'info', ...(nats && { nats_url: `nats://${nats.host}` }) };
  const host = await startHost({ env });
  const { reference: image } = await functionImage(host.registry);
  for (const service of ['works', 'fails'] as const) {
    const retry = { attempts: attempts[service], min_wait: '10ms', max_wait: '500ms' };
    const labels = Object.fromEntries(
      Object.entries(retry).map(([key, value]) => [`com.openfaas.retry.${key}`, value]),
    );
    await deploy(host.berth, { service, image, labels: { ...labels, 'com.openfaas.async.keep-result': 'true' } });
  }
  return host;
}

async function loadAndKill(t: ExecutionContext, nats?: TestNatsServer): Promise<void> {
  t.log(`BERTH_TEST_SEED=${seed} BERTH_TEST_ASYNC_CALLS=${count}`);
  const host = await startKillHost(nats);
  t.teardown(() => host.stop());
  await using receiver = await Receiver.start();
  const random = randomFrom(seed);
  const calls = Array.from({ length: count }, (_, at) => loadCall(at));
  const kills = killsOf(host, nats);
  for (let round = 0; round * callsOfKill < count; round += 1) {
    const some = calls.slice(round * callsOfKill, (round + 1) * callsOfKill);
    const killed = sleep(random() * longestPauseMs).then(kills[round % kills.length]);
    await Promise.all([killed, each(some, 8, (call) => post(host, call, receiver.url))]);
  }
  const counts = { done: 0, failed: 0, again: 0, twice: 0 };
  await each(calls, 8, async (call) => {
    const { state, lastStatus, result, attempts: made } = await endOf(host, call.id);
    const isMade = lastStatus === call.status && (!call.path.endsWith('echo') || textOf(result) === String(call.body));
    if (state !== (call.status === 503 ? 'failed' : 'done') || !isMade)
      t.fail(`${call.id} ${call.path}: ${state}, ${lastStatus}`);
    counts[state === 'failed' ? 'failed' : 'done'] += 1;
    if (made > 1) counts.again += 1;
  });
  for (const call of calls.filter(({ hasCallback }) => hasCallback)) {
    const [first, ...more] = await until(() => receiver.posted.get(call.id), { message: `the callback of ${call.id}` });
    for (const posted of [first, ...more]) if (posted) checkPosted(t, call, posted);
    if (more.length > 0) counts.twice += 1;
  }
  t.log(JSON.stringify(counts));
  t.is(receiver.posted.size, calls.filter(({ hasCallback }) => hasCallback).length);
}

function textOf(result?: object): string | undefined {
  return result && 'text' in result ? String(result.text) : undefined;
}

function checkPosted(t: ExecutionContext, call: LoadCall, { headers, body }: Posted): void {
  const name = call.path.startsWith('fails') ? 'fails' : 'works';
  t.like(headers, {
    'x-call-id': call.id,
    'x-function-name': name,
    'x-function-status': String(call.status),
    'x-retry-max': attempts[name],
  });
  t.regex(String(headers['x-duration-seconds']), /^\d+\.\d{6}$/);
  t.regex(String(headers['x-retry']), /^\d+$/);
  if (call.path.endsWith('echo')) t.true(body.equals(call.body), `${call.id}: another body`);
}

test.serial('calls kept on the disk outlive kills of the daemon and of their function', async (t) => {
  await loadAndKill(t);
});

test.serial('calls kept by a NATS server outlive kills of it too', async (t) => {
  await using nats = await startNatsServer();
  await loadAndKill(t, nats);
});
