/** Functions that a whole daemon calls by their schedules: once for each time, whatever ends the daemon. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { CallView } from '../../../src/gateway/index.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, statusOf, wholeLog, type TestHost } from '../functions/setup.ts';
import { ask, deploy, remove, update } from '../lifecycle/setup.ts';
import { callsOf, linesOf, untilEnded } from './called.ts';

let host: TestHost;
let image: string;
test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

const every = (schedule: string) => ({ topic: 'cron-function', schedule });
const envVars = { ROOT: '/log/tick' };
const ticksOf = async (name: string) => (await linesOf(host.berth, name)).filter((line) => line === 'tick').length / 2;

/** What is kept of a function's schedules. */
async function keptOf(name: string): Promise<unknown> {
  const text = await readFile(join(host.berth.folder, 'data/async/schedules.json'), 'utf8');
  return (JSON.parse(text) as { functions: Record<string, unknown> }).functions[`${name}.openfaas-fn`];
}

test.serial('a function is called by its schedule as by cron-connector, and tells when next', async (t) => {
  const { berth } = host;
  const annotations = { ...every('@every 1s; 0 0 29 2 *'), 'schedule.body': '{"all":true}', timezone: 'Asia/Tokyo' };
  const labels = { 'com.openfaas.async.keep-result': 'true' };
  await deploy(berth, { service: 'heads', image, annotations, labels, envVars: { ROOT: '/headers' } });
  const [call] = (await untilEnded(berth, 'heads', 3, 30_000)).toReversed();
  t.like(call, { state: 'done', attempts: 1, lastStatus: 200, path: '/' });
  const { result } = JSON.parse(await ask(berth, 'GET', `/async-function/${call?.id}`)) as CallView;
  const head = result && 'text' in result ? result.text : '';
  t.regex(head, /^POST \/ HTTP/);
  for (const line of ['X-Topic: cron-function', 'X-Connector: cron-connector', `X-Call-Id: ${call?.id}`])
    t.true(head.toLowerCase().includes(line.toLowerCase()), head);
  t.regex(head, /content-type: application\/json/i);
  const { nextRuns = [] } = (await statusOf(berth, 'heads')).berth;
  t.is(nextRuns.length, 3);
  t.deepEqual(nextRuns, nextRuns.toSorted());
  await remove(berth, 'heads');
  await until(async () => (await keptOf('heads')) === undefined, { message: 'the schedules to be forgotten' });
});

test.serial('a schedule that cannot be read is refused in a sentence, and changes nothing', async (t) => {
  for (const [annotations, said] of [
    [every('61 * * * *'), /annotation schedule: .*Invalid value for minute: 61/],
    [every('@every 5'), /annotation schedule: /],
    [{ ...every('* * * * *'), timezone: 'Mars/Base' }, /"Mars\/Base" is no time zone/],
    [{ ...every('* * * * *'), 'schedule.missed': 'twice' }, /schedule\.missed.*once or none/],
  ] as const) {
    const answer = await host.berth.api('POST', '/system/functions', { service: 'wrong', image, annotations });
    t.is(answer.status, 400, answer.text);
    t.regex(answer.text, said);
  }
  t.is((await host.berth.api('GET', '/system/function/wrong')).status, 404);
});

test.serial('an update changes a schedule and takes it away; a stack file does as well', async (t) => {
  const { berth } = host;
  const folder = join(berth.folder, 'functions.d');
  await mkdir(folder);
  const put = (annotations: Record<string, string>) =>
    writeFile(
      join(folder, 'stack.yml'),
      JSON.stringify({ functions: { filed: { image, annotations, environment: envVars } } }),
    );
  await Promise.all([
    deploy(berth, { service: 'changed', image, annotations: every('0 0 1 1 *'), envVars }),
    put(every('0 0 1 1 *')),
  ]);
  await until(async () => (await statusOf(berth, 'filed')).berth.nextRuns !== undefined);
  await Promise.all([
    update(berth, { service: 'changed', image, annotations: every('@every 1s'), envVars }),
    put(every('@every 1s')),
  ]);
  for (const name of ['changed', 'filed']) await untilEnded(berth, name, 2, 40_000);
  await Promise.all([update(berth, { service: 'changed', image, envVars }), put({})]);
  for (const name of ['changed', 'filed']) {
    await until(async () => (await statusOf(berth, name)).berth.nextRuns === undefined, { message: `${name} bare` });
    await until(async () => (await keptOf(name)) === undefined, { message: `what was kept of ${name} to go` });
    const before = (await callsOf(berth, name)).length;
    await until(async () => (await callsOf(berth, name)).every(({ endedAt }) => endedAt !== undefined));
    t.is((await callsOf(berth, name)).length, before);
  }
  await rm(join(folder, 'stack.yml'));
});

test.serial('no time is called twice over an upgrade, nor queued twice over a kill', async (t) => {
  const { berth } = host;
  await deploy(berth, { service: 'often', image, annotations: every('@every 1s'), envVars });
  await untilEnded(berth, 'often', 2, 30_000);
  for (let round = 0; round < 2; round += 1) {
    const before = (await callsOf(berth, 'often')).length;
    process.kill(berth.pid, 'SIGTERM');
    // The one before drains beside the next.
    await berth.start();
    await untilEnded(berth, 'often', before + 2, 60_000);
  }
  // The newest may wait for its first try.
  const upgraded = (await callsOf(berth, 'often')).filter(({ endedAt }) => endedAt !== undefined);
  t.deepEqual([...new Set(upgraded.map(({ attempts }) => attempts))], [1]);
  t.true((await ticksOf('often')) <= (await callsOf(berth, 'often')).length);
  for (let round = 0; round < 2; round += 1) {
    const before = (await callsOf(berth, 'often')).length;
    await berth.kill('SIGKILL');
    await berth.start();
    await untilEnded(berth, 'often', before + 2, 60_000);
  }
  await update(berth, { service: 'often', image, envVars });
  await until(async () => (await keptOf('often')) === undefined);
  const calls = await until(async () => {
    const all = await callsOf(berth, 'often');
    return all.every(({ endedAt }) => endedAt !== undefined) ? all : undefined;
  });
  t.deepEqual([...new Set(calls.map(({ state }) => state))], ['done']);
  const due = calls.map(({ id }) => id.slice(id.lastIndexOf('-') + 1));
  t.is(new Set(due).size, due.length);
  // What a kill cut short is made again, and nothing else.
  const attempts = calls.reduce((sum, call) => sum + call.attempts, 0);
  t.true((await ticksOf('often')) <= attempts, `${await ticksOf('often')} ticks of ${attempts} attempts`);
  t.notRegex(await wholeLog(berth), /cannot read what was done for schedules/);
});
