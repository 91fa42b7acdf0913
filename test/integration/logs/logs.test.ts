import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import type { LogReplica, LogStore } from '../../../src/logs/index.ts';
import { startJournald } from '../../helpers/journald.ts';
import { until } from '../../helpers/poll.ts';
import { startLogs } from './setup.ts';

type Logs = Awaited<ReturnType<typeof startLogs>>;

/** Names that no other run has used, because the journal outlives a run. */
let counter = 0;
function newReplica(): LogReplica {
  const id = `r${process.pid}-${Date.now()}-${++counter}`;
  return { id, name: `fn-${id}`, namespace: `logs-${counter}` };
}

/** How often the journal has each message of a function. */
async function countInJournal({ namespace, name }: LogReplica): Promise<Record<string, number>> {
  const messages = (await journald.entries(`${namespace}:${name}`)).map((entry) => String(entry['MESSAGE']));
  const counts: Record<string, number> = {};
  for (const message of messages) counts[message] = (counts[message] ?? 0) + 1;
  return counts;
}

async function textsOf(store: LogStore, { name, namespace }: LogReplica): Promise<string[]> {
  const texts: string[] = [];
  for await (const { text } of store.archive.query({ name, namespace, follow: false })) texts.push(text);
  return texts;
}

async function runToEnd(at: Logs, replica: LogReplica, script: string): Promise<void> {
  const { ended } = await at.startTask(replica, script, await at.logs.store.tails.stdioFor(replica));
  await ended;
  await at.client(replica.namespace).tasks.delete(replica.id);
  await at.logs.store.tails.finish(replica);
}

let at: Logs;
let journald: Awaited<ReturnType<typeof startJournald>>;

test.before(async () => {
  journald = await startJournald();
  at = await startLogs({ journalSocket: journald.socketPath });
});

test.after.always(async () => {
  await at?.[Symbol.asyncDispose]();
  await journald?.stop();
});

test.serial(
  'both streams of a task arrive whole, each line by itself, and the files are gone afterwards',
  async (t) => {
    const replica = newReplica();
    await runToEnd(at, replica, 'for i in 1 2 3; do printf "out "; printf "err $i\\n" >&2; sleep 0.1; echo "$i"; done');
    t.deepEqual((await textsOf(at.logs.store, replica)).sort(), ['err 1', 'err 2', 'err 3', 'out 1', 'out 2', 'out 3']);
    t.deepEqual(await at.logs.store.tails.list(), []);
  },
);

test.serial('the last burst of a task that ends at once is there', async (t) => {
  const replica = newReplica();
  await runToEnd(at, replica, 'yes line | head -n 20000; exit 1');
  t.is((await textsOf(at.logs.store, replica)).length, 20_000);
});

test.serial('nothing is lost or doubled while containerd and the store restart under a writing task', async (t) => {
  const replica = newReplica();
  const script = 'i=0; while [ $i -lt 200 ]; do echo "line $i"; i=$((i+1)); sleep 0.02; done';
  const { ended } = await at.startTask(replica, script, await at.logs.store.tails.stdioFor(replica));
  // The daemon that answered this call goes away, so it may fail; the end is asked for again below.
  ended.catch(() => undefined);
  await until(async () => (await textsOf(at.logs.store, replica)).length > 10);
  await at.logs.store.stop();
  await at.daemon.restart('SIGKILL');
  await at.restartStore();
  t.deepEqual(await at.logs.store.tails.list(), [replica]);
  await at.logs.store.tails.follow(replica);
  const client = at.client(replica.namespace);
  await client.tasks.wait({ containerId: replica.id });
  await client.tasks.delete(replica.id);
  await at.logs.store.tails.finish(replica);
  t.deepEqual(
    await textsOf(at.logs.store, replica),
    Array.from({ length: 200 }, (_, index) => `line ${index}`),
  );
});

test.serial('the journal has the same lines under NAMESPACE:NAME, with a priority for each stream', async (t) => {
  const replica = newReplica();
  await runToEnd(at, replica, 'echo out; echo err >&2; echo "<0>not an emergency"; printf "a\\000<0>b\\n"');
  const identifier = `${replica.namespace}:${replica.name}`;
  const entries = await until(async () => {
    const found = await journald.entries(identifier);
    return found.length === 4 ? found : undefined;
  });
  const seen = entries.map((entry) => `${entry['PRIORITY'] as string} ${entry['MESSAGE'] as string}`);
  t.deepEqual(seen.sort(), ['3 err', '6 <0>not an emergency', '6 a\uFFFD<0>b', '6 out']);
});

test.serial('a long line reaches the journal in whole, in pieces', async (t) => {
  const replica = newReplica();
  await runToEnd(at, replica, 'yes x | head -n 100000 | while read -r c; do printf "%s" "$c"; done; echo; echo ok');
  const identifier = `${replica.namespace}:${replica.name}`;
  const entries = await until(async () => {
    const found = await journald.entries(identifier);
    return found.at(-1)?.['MESSAGE'] === 'ok' ? found : undefined;
  });
  const text = entries.map((entry) => String(entry['MESSAGE'])).join('');
  t.is(text.replaceAll('…', ''), `${'x'.repeat(100_000)}ok`);
});

test.serial(
  'a function that writes without end has its share of the journal, and takes none of the others',
  async (t) => {
    const [loud, quiet] = [newReplica(), newReplica()];
    await runToEnd(at, loud, 'yes line | head -n 20000');
    await runToEnd(at, quiet, 'echo heard');
    // Its end says what was held back.
    await at.restartStore();
    let found: Record<string, number>[] = [];
    const wanted = [
      {
        line: 10_000,
        "berth: 10000 lines not sent to the journal: more than its share in 30 s, berth's own log of the function has them": 1,
      },
      { heard: 1 },
    ];
    await until(async () => {
      found = await Promise.all([loud, quiet].map(countInJournal));
      return isDeepStrictEqual(found, wanted);
    }).catch(() => t.deepEqual(found, wanted));
    t.is((await textsOf(at.logs.store, loud)).length, 20_000, 'the history has all');
  },
);

test.serial(
  'what a function writes faster than it can be kept is drained up to its last line under a real shim',
  async (t) => {
    const replica = newReplica();
    const stdio = await at.logs.store.tails.stdioFor(replica);
    const { ended } = await at.startTask(replica, `yes ${'x'.repeat(99)} | head -c 100000000; echo done`, stdio);
    await ended;
    await until(async () => (await textsOf(at.logs.store, replica)).at(-1) === 'done', { timeoutMs: 60_000 });
    await at.client(replica.namespace).tasks.delete(replica.id);
    await at.logs.store.tails.finish(replica);
    t.deepEqual(await readdir(join(stdio.stdout, '..')), []);
    t.deepEqual(at.warnings, []);
  },
);
