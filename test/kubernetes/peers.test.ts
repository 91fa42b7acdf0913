/** Two berths in front of one cluster, with one NATS server: one is killed under load. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { startBerth, type TestBerth } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { labRegistry } from '../helpers/kubernetes-lab/registry.ts';
import { startNatsServer, type TestNatsServer } from '../helpers/nats-server.ts';
import { until } from '../helpers/poll.ts';
import { statusOf } from '../integration/functions/setup.ts';
import { deploy, remove } from '../integration/lifecycle/setup.ts';
import { functionNamespace, kubeconfig, kubectl } from './cluster.ts';

let nats: TestNatsServer;
let berths: TestBerth[] = [];
let image = '';

test.before(async () => {
  await functionNamespace('openfaas-fn');
  image = (await functionImage(labRegistry, { tag: 'peers', env: ['VERSION=peers'] })).reference;
  nats = await startNatsServer();
  const env = { backend: 'kubernetes', kubeconfig, nats_url: `nats://${nats.host}` };
  berths = [await startBerth({ env }), await startBerth({ env })];
});
test.after.always(async () => {
  for (const berth of berths) await berth.stop();
  await nats?.[Symbol.asyncDispose]();
});
test.afterEach.always(async (t) => {
  if (t.passed) return;
  for (const berth of berths) t.log((await berth.log()).slice(-10_000));
  t.log(await kubectl('get', 'leases', '--namespace', 'openfaas-fn', '--output', 'yaml'));
});

const leasesOf = ['--namespace', 'openfaas-fn', '--output'];
const holder = () => kubectl('get', 'lease', 'berth', ...leasesOf, 'jsonpath={.spec.holderIdentity}');

/** How often each line of the log that says so was written. */
async function said(berth: TestBerth, text: string): Promise<number> {
  return (await berth.log()).split(text).length - 1;
}

/** Waits until one leads, and returns it and the other. */
async function leaderAndOther(): Promise<[leader: TestBerth, other: TestBerth]> {
  const leads = async (berth: TestBerth) => {
    const sinceStart = (await berth.log()).split('berth serves').at(-1) ?? '';
    return sinceStart.split(' scales functions').at(-2)?.endsWith('this berth') === true;
  };
  return until<[leader: TestBerth, other: TestBerth] | undefined>(
    async () => {
      const [first, second] = berths;
      if (!first || !second) throw new Error('there are no berths');
      const [isFirst, isSecond] = [await leads(first), await leads(second)];
      if (isFirst === isSecond) return undefined;
      return isFirst ? [first, second] : [second, first];
    },
    { timeoutMs: 60_000, message: 'one of them to lead' },
  );
}

/** Notes who holds the Lease, each time that it changes hands, until the test ends. */
function watchHolders(t: ExecutionContext): string[] {
  const holders: string[] = [];
  const child = spawn('kubectl', [
    'get',
    'lease',
    'berth',
    '--watch',
    ...leasesOf,
    'jsonpath={.spec.holderIdentity}{"\\n"}',
  ]);
  t.teardown(() => child.kill('SIGKILL'));
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line !== holders.at(-1)) holders.push(line);
  });
  return holders;
}

/** Calls both in turn, so many times a second; who is cut off asks the other. */
function spreadLoad(path: string, perSecond: number) {
  const inFlight = new Map(berths.map((berth) => [berth, 0]));
  const figures = { calls: 0, retried: 0, inFlightAtEnd: 0, failures: [] as string[] };
  const count = (berth: TestBerth, by: number) => inFlight.set(berth, (inFlight.get(berth) ?? 0) + by);
  let alive = berths;
  let going = true;

  async function ask(berth: TestBerth): Promise<Response | undefined> {
    count(berth, 1);
    try {
      const response = await fetch(`${berth.url}/function/${path}`);
      await response.text();
      return response;
    } catch {
      return undefined;
    } finally {
      count(berth, -1);
    }
  }
  async function one(at: number): Promise<void> {
    const [berth] = [alive[at % alive.length]];
    if (!berth) return;
    let response = await ask(berth);
    if (!response) {
      if (figures.retried === 0) figures.inFlightAtEnd = 1 + (inFlight.get(berth) ?? 0);
      figures.retried += 1;
      // As a client does whose connection is refused.
      alive = berths.filter((each) => each !== berth);
      const [other] = alive;
      response = other && (await ask(other));
    }
    if (response?.status !== 200) figures.failures.push(String(response?.status));
  }
  async function run(): Promise<void> {
    const all: Promise<void>[] = [];
    const startedMs = performance.now();
    while (going) {
      const due = Math.floor(((performance.now() - startedMs) / 1000) * perSecond);
      for (; figures.calls < due; figures.calls += 1) all.push(one(figures.calls));
      await sleep(5);
    }
    await Promise.all(all);
  }
  const done = run();
  return {
    figures,
    async stop() {
      going = false;
      await done;
    },
  };
}

test.serial(
  'one scales; a function that only the other is called on scales by its load, and falls asleep after it',
  async (t) => {
    t.timeout(300_000);
    const [leader, other] = await leaderAndOther();
    const labels = {
      'com.openfaas.scale.min': '1',
      'com.openfaas.scale.max': '3',
      'com.openfaas.scale.target': '5',
      'com.openfaas.scale.target-proportion': '1',
      'com.openfaas.scale.zero': 'true',
      'com.openfaas.scale.zero-duration': '20s',
    };
    await deploy(leader, { service: 'shared', image, labels });
    const before = await said(other, 'function scaled');
    let going = true;
    t.teardown(() => (going = false));
    const calling = (async () => {
      for (; going; await sleep(60)) await fetch(`${other.url}/function/shared`).then((response) => response.text());
    })();
    await until(async () => (await statusOf(leader, 'shared')).replicas === 3, {
      timeoutMs: 60_000,
      message: 'a rise',
    });
    await sleep(25_000);
    t.is((await statusOf(leader, 'shared')).replicas, 3, 'it is called, and was for longer than it may be idle');
    going = false;
    await calling;
    await until(async () => (await statusOf(leader, 'shared')).replicas === 0, {
      timeoutMs: 120_000,
      message: 'sleep',
    });
    t.is(await said(other, 'function scaled'), before);
    t.is(await said(other, 'idle function scaled to zero'), 0);
    await remove(leader, 'shared');
  },
);

test.serial(
  'one that leads is killed under load: no more calls are sent again than it had, and the other scales',
  async (t) => {
    t.timeout(300_000);
    const [leader, other] = await leaderAndOther();
    await deploy(leader, { service: 'warm', image });
    for (const berth of berths)
      await until(async () => (await fetch(`${berth.url}/function/warm`)).status === 200, {
        message: 'a warm function',
      });
    const holders = watchHolders(t);
    await until(() => holders.length > 0, { message: 'a holder' });
    const load = spreadLoad('warm/sleep/100', 100);
    const ids = await queueCalls('warm/sleep/3000', 60);
    await until(() => load.figures.calls > 300, { message: 'load' });
    await leader.kill('SIGKILL');
    const killedMs = performance.now();
    await until(async () => (await holder()) !== holders[0] && (await holder()) !== '', {
      timeoutMs: 60_000,
      message: 'a new holder',
    });
    const waitedMs = Math.round(performance.now() - killedMs);
    await until(async () => (await said(other, 'this berth scales functions')) > 0, { message: 'it to lead' });
    await load.stop();
    const { calls, retried, inFlightAtEnd: inFlight, failures } = load.figures;
    t.log(
      `${calls} calls, ${inFlight} in flight on the one that was killed, ${retried} sent again; led anew after ${waitedMs} ms`,
    );
    t.deepEqual(failures, []);
    t.true(inFlight > 0);
    t.true(retried <= inFlight, `${retried} of ${inFlight}`);
    t.is(holders.length, 2);
    await allDone(t, other, ids);
    await leader.start();
    await remove(other, 'warm');
  },
);

/** Queues calls at both in turn. */
async function queueCalls(path: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, at) => `peer-${at}`);
  await Promise.all(
    ids.map(async (id, at) => {
      const url = `${berths[at % berths.length]?.url}/async-function/${path}`;
      const response = await fetch(url, { method: 'POST', headers: { 'x-call-id': id } });
      if (response.status !== 202) throw new Error(`${id}: ${response.status} ${await response.text()}`);
    }),
  );
  return ids;
}

/** Waits until all have been made by the one that is left: those that the other had, once more. */
async function allDone(t: ExecutionContext, berth: TestBerth, ids: string[]): Promise<void> {
  const attempts: number[] = [];
  for (const id of ids)
    await until(
      async () => {
        const view = JSON.parse((await berth.api('GET', `/async-function/${id}`)).text) as {
          state: string;
          attempts: number;
        };
        if (view.state === 'done') attempts.push(view.attempts);
        return view.state === 'done';
      },
      { timeoutMs: 60_000, message: `call ${id}` },
    );
  t.log(`${ids.length} asynchronous calls, ${attempts.filter((each) => each > 1).length} made once more`);
  t.true(Math.max(...attempts) <= 2);
}

test.serial('one that ends gives the lead up at once', async (t) => {
  t.timeout(120_000);
  const [leader, other] = await leaderAndOther();
  const before = await holder();
  await leader.kill();
  const first = await until(
    async () => {
      const now = await holder();
      return now !== before && now !== '' && now;
    },
    { timeoutMs: 10_000, message: 'a new holder' },
  );
  t.not(first, before);
  await until(async () => (await said(other, 'this berth scales functions')) > 0, { message: 'it to lead' });
  const names = await kubectl('get', 'leases', ...leasesOf, 'name');
  t.false(names.includes(before));
});
