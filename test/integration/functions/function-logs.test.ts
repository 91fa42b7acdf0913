import test from 'ava';
import { password, username } from '../../helpers/berth.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { replicasOf, startHost, type TestHost } from './setup.ts';

let host: TestHost;
let image: string;

test.before(async () => {
  host = await startHost();
  image = (await functionImage(host.registry)).reference;
});
test.after.always(() => host?.stop());

interface Line {
  name: string;
  namespace: string;
  instance: string;
  timestamp: string;
  text: string;
}

async function linesOf(name: string, query = ''): Promise<Line[]> {
  const { text } = await host.berth.api('GET', `/system/logs?name=${name}${query}`);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

async function textsOf(name: string, query = ''): Promise<string[]> {
  return (await linesOf(name, query)).map(({ text }) => text);
}

async function untilLogged(name: string, count: number): Promise<Line[]> {
  return until(
    async () => {
      const lines = await linesOf(name);
      return lines.length >= count ? lines : undefined;
    },
    { message: `${count} lines of ${name}` },
  );
}

test.serial(
  'what a function writes to stdout and to stderr is in its logs, in order and with its replica',
  async (t) => {
    t.is((await host.berth.api('POST', '/system/functions', { service: 'talker', image })).status, 202);
    await host.berth.invoke('talker/log/first+line');
    await untilLogged('talker', 3);
    await host.berth.invoke('talker/log/%C3%BCn%C3%AF+second');
    const lines = await untilLogged('talker', 5);
    t.deepEqual(lines.map(({ text }) => text).sort(), [
      'first line',
      'first line',
      'listening',
      'ünï second',
      'ünï second',
    ]);
    t.deepEqual([...new Set(lines.map(({ instance }) => instance))], await replicasOf(host.containerd, 'talker'));
    t.like(lines[0], { name: 'talker', namespace: 'openfaas-fn' });
    for (const { timestamp } of lines) t.true(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000, timestamp);
    t.deepEqual(await textsOf('talker', '&tail=1'), ['ünï second']);
    t.deepEqual(await textsOf('talker', `&since=${new Date(Date.now() + 60_000).toISOString()}`), []);
  },
);

test.serial('a follower gets a new line at once, and the lines of the next version too', async (t) => {
  const leaving = new AbortController();
  const headers = { authorization: `Basic ${btoa(`${username}:${password}`)}` };
  const url = `${host.berth.url}/system/logs?name=talker&follow=1&tail=1`;
  const response = await fetch(url, { headers, signal: leaving.signal });
  t.is(response.status, 200);
  let heard = '';
  const listening = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) heard += decoder.decode(chunk as Uint8Array, { stream: true });
  })();
  await host.berth.invoke('talker/log/news');
  await until(() => heard.includes('"news"'));
  const updated = await host.berth.api('PUT', '/system/functions', { service: 'talker', image, envVars: { A: 'b' } });
  t.is(updated.status, 200);
  await host.berth.invoke('talker/log/newer');
  await until(() => heard.includes('"newer"'));
  leaving.abort();
  await t.throwsAsync(listening);
});

test.serial('the daemon away for a while misses no line', async (t) => {
  await host.berth.kill('SIGKILL');
  await host.berth.start();
  await host.berth.invoke('talker/log/after');
  // Of stdout and of stderr, which are read one after the other.
  const texts = await until(async () => {
    const found = await textsOf('talker');
    return found.filter((text) => text === 'after').length >= 2 ? found : undefined;
  });
  t.is(texts.filter((text) => text === 'news').length, 2);
  t.is(texts.filter((text) => text === 'after').length, 2);
});

test.serial('what the last process of a crash wrote is there', async (t) => {
  await host.berth.invoke('talker/log/last+words');
  await host.berth.invoke('talker/exit/1', { method: 'POST' });
  await until(async () => (await textsOf('talker')).at(-1) === 'listening');
  t.true((await textsOf('talker')).includes('last words'));
});

test.serial(
  'the lines of a function that is gone can still be read, and a new one of its name goes on from there',
  async (t) => {
    t.is((await host.berth.api('DELETE', '/system/functions', { functionName: 'talker' })).status, 202);
    await until(async () => (await replicasOf(host.containerd, 'talker')).length === 0);
    t.true((await textsOf('talker')).includes('last words'));
    const followed = await textsOf('talker', '&follow=true');
    t.true(followed.includes('last words'), 'and a follower is not left waiting for ever');
    t.is((await host.berth.api('POST', '/system/functions', { service: 'talker', image })).status, 202);
    const texts = await until(async () => {
      const lines = await textsOf('talker');
      return lines.at(-1) === 'listening' ? lines : undefined;
    });
    t.true(texts.includes('last words'));
  },
);

test.serial('the logs of a name that never was are 404', async (t) => {
  const { status, text } = await host.berth.api('GET', '/system/logs?name=nobody');
  t.is(status, 404);
  t.regex(text, /nobody\.openfaas-fn not found/);
});
