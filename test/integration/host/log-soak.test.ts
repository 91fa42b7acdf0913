import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { password, username } from '../../helpers/berth.ts';
import { busyboxImage, functionImage } from '../../helpers/functions.ts';
import { startJournald } from '../../helpers/journald.ts';
import { until } from '../../helpers/poll.ts';
import { run } from '../../helpers/processes.ts';
import { startHost, type TestHost } from '../functions/setup.ts';
import { callOf, deploy } from '../lifecycle/setup.ts';

/** 600 by test/soak/logs.sh. */
const seconds = Number(process.env.BERTH_TEST_SOAK_SECONDS ?? 15);
const linesASecond = 4;
const shout = `yes ${'x'.repeat(99)} | while head -c 5000000; do sleep 0.1; done`;
const authorization = `Basic ${btoa(`${username}:${password}`)}`;

let host: TestHost;
let journald: Awaited<ReturnType<typeof startJournald>>;
test.before(async () => {
  journald = await startJournald();
  host = await startHost({ env: { log_level: 'info' } });
});
test.after.always(async () => {
  await host?.stop();
  await journald?.stop();
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-8000));
});

/** Follows a function's log; its lines come to be in the array. Not by fetch, which hangs up after 300 s of silence. */
async function follow(name: string, leaving: AbortSignal): Promise<string[]> {
  const url = `${host.berth.url}/system/logs?name=${name}&follow=true`;
  const asked = request(url, { headers: { authorization }, signal: leaving, agent: false }).end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  asked.on('error', () => {});
  const texts: string[] = [];
  const lines = createInterface({ input: answer });
  lines.on('line', (line) => texts.push((JSON.parse(line) as { text: string }).text));
  lines.on('error', () => {});
  return texts;
}

async function megabytesOnDisk(): Promise<number> {
  const { stdout } = await run('du', ['--summarize', '--block-size=1M', join(host.berth.folder, 'log')]);
  return Number(stdout.split('\t')[0]);
}

async function megabytesInMemory(): Promise<number> {
  const status = await readFile(`/proc/${host.berth.pid}/status`, 'utf8');
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

/** Has the function write a line, and says how long it took to be called and to reach whoever follows, in ms. */
async function say(name: string, text: string, followed: string[]): Promise<{ callMs: number; lineMs: number }> {
  const startMs = performance.now();
  await callOf(host.berth, `${name}/log/${text}`);
  const callMs = performance.now() - startMs;
  await until(() => followed.filter((line) => line === text).length === 2, {
    intervalMs: 5,
    message: `${text} of ${name} among ${followed.length} lines`,
  });
  return { callMs: Math.round(callMs), lineMs: Math.round(performance.now() - startMs) };
}

const largest = (numbers: number[]) => Math.max(...numbers);
const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

test.serial(
  `${seconds} s of 50 MB/s from one function: the lines of others reach followers, history and journal`,
  async (t) => {
    t.timeout((seconds + 120) * 1000);
    const { berth, registry } = host;
    const { reference: image } = await functionImage(registry);
    const config = { Cmd: ['sh', '-c', `busybox httpd -p 8080 -h /www; ${shout}`] };
    const { reference: loud } = await busyboxImage(registry, { tag: 'loud', config });
    const mark = `mark${process.pid}-${Date.now()}`;
    for (const name of ['quiet', 'idle']) await deploy(berth, { service: name, image });
    const leaving = new AbortController();
    t.teardown(() => leaving.abort());
    const [quiet, idle] = await Promise.all(['quiet', 'idle'].map((name) => follow(name, leaving.signal)));
    if (!quiet || !idle) throw new Error('no followers');
    await deploy(berth, { service: 'loud', image: loud });
    const heard = await follow('loud', leaving.signal);

    const said: Awaited<ReturnType<typeof say>>[] = [];
    const endMs = performance.now() + seconds * 1000;
    while (performance.now() < endMs) {
      said.push(await say('quiet', `${mark}-${said.length}`, quiet));
      if (said.length % (linesASecond * 60) === 0)
        t.log(`${await megabytesInMemory()} MB, ${await megabytesOnDisk()} MB on disk`);
      await sleep(1000 / linesASecond);
    }
    t.log(
      `${said.length} lines; ms of a call ${median(said.map(({ callMs }) => callMs))}, at most ${largest(said.map(({ callMs }) => callMs))}`,
    );
    t.log(
      `ms until a line arrived ${median(said.map(({ lineMs }) => lineMs))}, at most ${largest(said.map(({ lineMs }) => lineMs))}`,
    );
    t.log(
      `${heard.length} lines of the loud one; ${await megabytesInMemory()} MB, ${await megabytesOnDisk()} MB on disk`,
    );
    const after = await say('idle', `${mark}-idle`, idle);
    t.log(`a line after ${seconds} s of silence: ${after.lineMs} ms`);

    const expected = said.flatMap((_, index) => [`${mark}-${index}`, `${mark}-${index}`]);
    t.deepEqual(
      quiet.filter((line) => line.startsWith(mark)),
      expected,
    );
    const entries = await until(async () => {
      const found = await journald.entries('openfaas-fn:quiet');
      const messages = found.map(({ MESSAGE }) => String(MESSAGE)).filter((message) => message.startsWith(mark));
      return messages.length >= expected.length ? messages : undefined;
    });
    t.deepEqual(entries, expected);
    t.true(heard.length > 0);
    // The loud one writes on: what piles up without a bound does not come below it again.
    await until(async () => (await megabytesOnDisk()) < 150, { message: 'the disk that logs take to be bounded' });
  },
);
