/** containerd, or the daemon, is ended in whatever moment of steps on several functions at once, and started again. */
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { functionImage } from '../../helpers/functions.ts';
import { leftovers, untilNothingIsLeft } from '../../helpers/leftovers.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { listOf, startHost, statusOf, type TestHost } from './setup.ts';

let host: TestHost;
let one: string;
let two: string;

test.before(async () => {
  host = await startHost();
  one = (await functionImage(host.registry, { tag: 'one', env: ['VERSION=one'] })).reference;
  two = (await functionImage(host.registry, { tag: 'two', env: ['VERSION=two'] })).reference;
});
test.after.always(() => host?.stop());
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-20_000));
});

const names = Array.from({ length: 6 }, (_, i) => `fn-${i}`);

interface Outcome {
  /** 0 when the connection broke before an answer. */
  status: number;
  text: string;
}

type Ask = (name: string) => Promise<Outcome>;

const deploy: Ask = (service) => host.berth.api('POST', '/system/functions', { service, image: one });
const update: Ask = (service) => host.berth.api('PUT', '/system/functions', { service, image: two });
const restart: Ask = (name) => host.berth.api('POST', `/system/restart-function/${name}`);
const remove: Ask = (functionName) => host.berth.api('DELETE', '/system/functions', { functionName });

/** All asked at once, and the crash that long after. */
async function crashInto(ask: Ask, crash: () => Promise<void>, delayMs: number): Promise<Map<string, Outcome>> {
  const broken = { status: 0, text: '' };
  const asked = names.map(async (name) => [name, await ask(name).catch(() => broken)] as const);
  await sleep(delayMs);
  await crash();
  const outcomes = new Map(await Promise.all(asked));
  // The daemon looks for containerd once a second at least.
  await until(async () => (await host.berth.api('GET', '/system/functions')).status === 200);
  return outcomes;
}

async function untilAllReady(): Promise<void> {
  await until(async () => (await listOf(host.berth)).every((fn) => fn.availableReplicas === fn.replicas), {
    timeoutMs: 60_000,
    message: 'every function that is listed to be ready',
  });
}

async function listed(): Promise<string[]> {
  return (await listOf(host.berth)).map(({ name }) => name);
}

async function shims(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args=']);
  return stdout
    .split('\n')
    .filter((args) => args.includes('containerd-shim') && args.includes(host.containerd.address))
    .filter((args) => !args.startsWith('ps '));
}

async function left() {
  const { snapshots, leases, ...rest } = await leftovers(host.containerd, host.berth);
  return {
    ...rest,
    shims: await shims(),
    snapshots: snapshots.filter((line) => !/Committed\s*$/.test(line)),
    // A pull's lease stays for the next pull of the same image to go on from.
    leases: leases.filter((id) => !id.startsWith('berth-pull-')),
  };
}

function areAmong(t: ExecutionContext, outcomes: Map<string, Outcome>, statuses: number[]): void {
  for (const [name, { status, text }] of outcomes) {
    t.true(statuses.includes(status), `${name}: ${status} ${text}`);
    t.regex(text, /^[^\n]*\n?$/, 'one line');
  }
}

async function restartsSurvive(t: ExecutionContext, crash: () => Promise<void>, delayMs: number): Promise<void> {
  const { berth } = host;
  const statuses = () => Promise.all(names.map((name) => statusOf(berth, name)));
  const untilSettled = (message: string) =>
    until(async () => (await statuses()).every((now) => !now.berth.candidate), { timeoutMs: 30_000, message });
  // Old versions are ready while an update that outlived the crash goes on.
  await untilSettled('the updates to end');
  const before = await statuses();
  const restarted = await crashInto(restart, crash, delayMs);
  areAmong(t, restarted, [0, 202, 503]);
  await untilSettled('the restarts to end');
  await untilAllReady();
  for (const [i, { name, image, berth: facts }] of (await statuses()).entries()) {
    const { generation, deployedAt, previous } = before[i]?.berth ?? {};
    t.like({ image, ...facts }, { image: before[i]?.image, deployedAt, previous, failedUpdate: undefined });
    if (restarted.get(name)?.status === 202) t.not(facts.generation, generation, name);
  }
}

const crashes = {
  'containerd killed': async () => {
    await host.containerd.kill('SIGKILL');
    await host.containerd.start();
  },
  'the daemon killed': async () => {
    await host.berth.kill('SIGKILL');
    await host.berth.start();
  },
  'the daemon ended': async () => {
    await host.berth.kill('SIGTERM');
    await host.berth.start();
  },
};

for (const [what, crash] of Object.entries(crashes)) {
  for (const delayMs of [20, 150, 500]) {
    test.serial(
      `${what} ${delayMs} ms into deploys, updates and removals costs no function and leaves nothing behind`,
      async (t) => {
        t.timeout(180_000);
        const { berth } = host;
        const deployed = await crashInto(deploy, crash, delayMs);
        areAmong(t, deployed, [0, 202, 503]);
        const there = await listed();
        for (const [name, { status }] of deployed) if (status === 202) t.true(there.includes(name), name);
        await untilAllReady();
        for (const name of names.filter((other) => !there.includes(other))) t.is((await deploy(name)).status, 202);
        await untilAllReady();
        t.deepEqual((await listed()).sort(), names);

        const updated = await crashInto(update, crash, delayMs);
        areAmong(t, updated, [0, 200, 202, 503]);
        await untilAllReady();
        for (const [name, { status }] of updated) {
          const accepted = status === 200 || status === 202;
          const { text } = await until(
            async () => {
              const answer = await berth.invoke(name);
              return answer.status === 200 && (!accepted || answer.text.startsWith('two')) ? answer : undefined;
            },
            { timeoutMs: 30_000, message: `${name} to answer as its update was (${status})` },
          );
          t.regex(text, /^(one|two) /);
        }

        // A restart takes the same steps, so that one moment is enough.
        if (delayMs === 150) await restartsSurvive(t, crash, delayMs);

        const removed = await crashInto(remove, crash, delayMs);
        areAmong(t, removed, [0, 202]);
        for (const name of await listed()) {
          t.is(removed.get(name)?.status, 0, 'no other is there again');
          t.is((await remove(name)).status, 202);
        }
        await untilNothingIsLeft(left);
      },
    );
  }
}
