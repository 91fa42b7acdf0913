import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { password, username } from '../../helpers/berth.ts';
import { cacheFolder } from '../../helpers/cache.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { registryPassword, registryUsername, startRegistry, type TestRegistry } from '../../helpers/registry.ts';
import { startHost, statusOf, taskOf, tasksOf, type TestHost } from '../functions/setup.ts';
import { pacedLoad } from '../lifecycle/load.ts';
import { ask, callOf, deploy, logged, scale, update } from '../lifecycle/setup.ts';

const clockFile = join(process.env.TMPDIR ?? '/tmp', 'berth-clock');

let host: TestHost;
let registry: TestRegistry;
test.before(async () => {
  await setClock(0);
  // The daemon's wall clock is what the file says, its monotonic clock goes on: as where an operator, or NTP, sets the time.
  const env = {
    LD_PRELOAD: join(cacheFolder, 'faketime/lib/libfaketimeMT.so.1'),
    FAKETIME_TIMESTAMP_FILE: clockFile,
    FAKETIME_NO_CACHE: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
  registry = await startRegistry({ auth: 'bearer' });
  host = await startHost({ env });
  const auth = btoa(`${registryUsername}:${registryPassword}`);
  const login = JSON.stringify({ auths: { [registry.host]: { auth } } });
  await writeFile(join(host.berth.folder, 'docker-config.json'), login);
});
test.after.always(async () => {
  await host?.stop();
  await registry?.stop();
});
test.afterEach.always(async (t) => {
  if (!t.passed) t.log((await host.berth.log()).slice(-12_000));
});

/** In one step: half a file would be another time. */
async function setClock(hours: number): Promise<void> {
  await writeFile(`${clockFile}.new`, `+${hours}h`);
  await rename(`${clockFile}.new`, clockFile);
}

const steps = [
  { step: 'forth', hours: 1 },
  { step: 'back', hours: 0 },
];

test.serial('a step of an hour, forth and then back, changes nothing but the times that are shown', async (t) => {
  t.timeout(120_000);
  const { berth, containerd } = host;
  const images = await Promise.all(
    ['old', 'forth', 'back'].map((tag) => functionImage(registry, { tag, env: [`VERSION=${tag}`] })),
  );
  const [image = '', ...newer] = images.map(({ reference }) => reference);
  await ask(berth, 'POST', '/system/secrets', { name: 'key', value: 'first' });
  const probed = { 'com.openfaas.health.http.path': '/', 'com.openfaas.health.http.periodSeconds': '200ms' };
  const sleeps = { 'com.openfaas.scale.zero': 'true', 'com.openfaas.scale.zero-duration': '15m' };
  const envVars = { START_DELAY_MS: '500' };
  await Promise.all([
    deploy(berth, { service: 'called', image, annotations: probed, secrets: ['key'] }),
    deploy(berth, { service: 'moving', image, envVars }),
    deploy(berth, { service: 'idle', image, labels: sleeps }),
  ]);
  await using lines = await followLines('called');
  await using load = pacedLoad(berth, 'called', 50, 8);

  for (const [index, { step, hours }] of steps.entries()) {
    // It has no end before the function is mended.
    const looping = berth.api('POST', '/system/functions', { service: step, image, envVars: { EXIT_AT_START: '7' } });
    const second = await untilExits(step, 2);
    const updated = update(berth, { service: 'moving', image: newer[index] ?? '', envVars });
    const kept = keepsBackOff(t, step, second);
    await setClock(hours);
    await updated;
    t.is((await callOf(berth, 'moving')).split(' ')[0], step);
    await kept;
    await berth.api('DELETE', '/system/functions', { functionName: step });
    await looping;

    const task = await taskOf(containerd, 'called');
    process.kill(task.pid, 'SIGKILL');
    await until(async () => (await tasksOf(containerd, 'called')).some(({ pid }) => pid !== task.pid));
    await callOf(berth, `called/log/stepped-${step}`);
    await lines.come(`stepped-${step}`);
    const since = new Date(Date.now() + hours * 3_600_000 - 60_000).toISOString();
    const shown = (await berth.api('GET', `/system/logs?name=called&follow=false&since=${since}`)).text;
    t.true(shown.includes(`stepped-${step}`), 'what is kept');

    await ask(berth, 'PUT', '/system/secrets', { name: 'key', value: step });
    t.is(await callOf(berth, 'called/file/var/openfaas/secrets/key'), step);
    await scale(berth, 'moving', 0);
    await callOf(berth, 'moving');
    t.is((await statusOf(berth, 'idle')).replicas, 1, 'its 15 minutes are not over');
  }
  t.deepEqual((await load.stop()).failures, []);
});

interface Exit {
  /** When it was not there yet. */
  afterMs: number;
  /** How long the start after it is to wait. */
  restartInMs: number;
}

/** Waits until a process has ended so many times, and gives the last of them. */
async function untilExits(name: string, times: number): Promise<Exit> {
  let afterMs = performance.now();
  const exits = await until(
    async () => {
      const askedMs = performance.now();
      const found = await logged(host.berth, 'replica exited', name);
      if (found.length >= times) return found;
      afterMs = askedMs;
      return undefined;
    },
    { timeoutMs: 20_000, message: `exit ${times} of ${name}` },
  );
  return { afterMs, restartInMs: Number(exits[times - 1]?.restartInMs) };
}

/** The start after the second exit comes when its back-off has passed: not before, and not an hour later. */
async function keepsBackOff(t: ExecutionContext, name: string, second: Exit): Promise<void> {
  await untilExits(name, 3);
  const waitedMs = performance.now() - second.afterMs;
  t.true(waitedMs >= second.restartInMs, `${name}: ${waitedMs} ms of ${second.restartInMs}`);
}

/** The log of a function as a caller sees it who never left. */
async function followLines(name: string) {
  const ending = new AbortController();
  const authorization = `Basic ${btoa(`${username}:${password}`)}`;
  const url = `${host.berth.url}/system/logs?name=${name}&follow=true`;
  const response = await fetch(url, { headers: { authorization }, signal: ending.signal });
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk as Uint8Array, { stream: true });
  })().catch(() => undefined);
  return {
    come: (line: string) => until(() => text.includes(line), { message: `${line} to be followed` }),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await reading;
    },
  };
}
