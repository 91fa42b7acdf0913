// By hand: `test/run integration 2 test/soak/containerd-crash.test.ts`. Of some dozen runs one, on containerd 2.1.9, had a function
// that was not ready again within a minute; until that is found, it is not among the tests that must pass.
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import type { Answer } from '../helpers/berth.ts';
import { functionImage } from '../helpers/functions.ts';
import { leftovers, nothing } from '../helpers/leftovers.ts';
import { until } from '../helpers/poll.ts';
import { run } from '../helpers/processes.ts';
import { listOf, startHost, tasksIn, type TestHost } from '../integration/functions/setup.ts';

let host: TestHost;
let one: string;
let two: string;

test.before(async () => {
  host = await startHost();
  one = (await functionImage(host.registry, { tag: 'one', env: ['VERSION=one'] })).reference;
  two = (await functionImage(host.registry, { tag: 'two', env: ['VERSION=two'] })).reference;
});
test.after.always(() => host?.stop());

const names = Array.from({ length: 6 }, (_, i) => `fn-${i}`);

async function toEach(ask: (name: string) => Promise<Answer>): Promise<Map<string, Answer>> {
  const answers = await Promise.all(names.map(async (name) => [name, await ask(name)] as const));
  return new Map(answers);
}

const deploy = (service: string) => host.berth.api('POST', '/system/functions', { service, image: one });
const update = (service: string) => host.berth.api('PUT', '/system/functions', { service, image: two });
const remove = (functionName: string) => host.berth.api('DELETE', '/system/functions', { functionName });

async function untilAllReady(): Promise<void> {
  await until(async () => (await listOf(host.berth)).every((fn) => fn.availableReplicas === fn.replicas), {
    timeoutMs: 60_000,
    message: 'every function that is listed to be ready',
  });
}

async function shims(): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args=']);
  return stdout
    .split('\n')
    .filter((args) => args.includes('containerd-shim') && args.includes(host.containerd.address))
    .filter((args) => !args.startsWith('ps '));
}

/** Kills containerd that long after the requests were sent, and starts it again. */
async function crash(delayMs: number): Promise<void> {
  await sleep(delayMs);
  await host.containerd.kill('SIGKILL');
  await host.containerd.start();
  // The daemon looks for it once a second at least.
  await until(async () => (await host.berth.api('GET', '/system/functions')).status === 200);
}

for (const delayMs of [20, 150, 500]) {
  test.serial(
    `containerd killed ${delayMs} ms into deploys, updates and removals costs no function and leaves nothing behind`,
    async (t) => {
      t.timeout(180_000);
      const { berth, containerd } = host;
      try {
        const [deployed] = await Promise.all([toEach(deploy), crash(delayMs)]);
        for (const [name, { status, text }] of deployed) {
          t.true([202, 503].includes(status), `deploy of ${name}: ${status} ${text}`);
          t.regex(text, /^[^\n]*\n?$/, 'one line');
        }
        const accepted = [...deployed].filter(([, { status }]) => status === 202).map(([name]) => name);
        const listed = (await listOf(berth)).map(({ name }) => name);
        t.deepEqual(
          accepted.filter((name) => !listed.includes(name)),
          [],
          'what was accepted is there',
        );
        await untilAllReady();
        for (const name of names.filter((other) => !listed.includes(other))) t.is((await deploy(name)).status, 202);
        await untilAllReady();
        t.is((await listOf(berth)).length, names.length);

        const [updated] = await Promise.all([toEach(update), crash(delayMs)]);
        for (const [name, { status, text }] of updated)
          t.true([200, 202, 503].includes(status), `update of ${name}: ${status} ${text}`);
        await untilAllReady();
        for (const [name, { status }] of updated) {
          const { text } = await until(
            async () => {
              const answer = await berth.invoke(name);
              return answer.status === 200 && (status === 503 || answer.text.startsWith('two')) ? answer : undefined;
            },
            { timeoutMs: 30_000, message: `${name} to answer as its update was (${status})` },
          );
          t.regex(text, /^(one|two) /);
        }

        const [removed] = await Promise.all([toEach(remove), crash(delayMs)]);
        for (const [name, { status, text }] of removed) t.is(status, 202, `removal of ${name}: ${text}`);
        t.deepEqual(await listOf(berth), []);
        await until(async () => (await tasksIn(containerd)).length === 0, { timeoutMs: 60_000, message: 'all to end' });
        const left = async () => {
          const { snapshots, leases, ...rest } = await leftovers(containerd, berth);
          return {
            ...rest,
            shims: await shims(),
            snapshots: snapshots.filter((line) => !/Committed\s*$/.test(line)),
            // A pull's lease stays for the next pull of the same image to go on from.
            leases: leases.filter((id) => !id.startsWith('berth-pull-')),
          };
        };
        await until(async () => Object.values(await left()).every((of) => of.length === 0), {
          timeoutMs: 30_000,
        }).catch(async () => t.deepEqual(await left(), { ...nothing, shims: [] }));
      } catch (error) {
        t.log((await berth.log()).slice(-20_000));
        throw error;
      }
    },
  );
}
