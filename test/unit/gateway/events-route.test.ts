import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { EventFeed, type SystemEvent } from '../../../src/provider/index.ts';
import { until } from '../../helpers/poll.ts';
import { CountingProvider } from './counting-provider.ts';
import { startGateway } from './with-gateway.ts';

const fn = { name: 'hello', namespace: 'openfaas-fn' };

async function startWith(t: ExecutionContext) {
  const events = new EventFeed();
  const provider = Object.assign(new CountingProvider(), { events });
  const { url } = await startGateway(t, { gateway: { provider } });
  const recent = async (query = '') => {
    const reply = await fetch(`${url}/system/events${query}`, { headers: { accept: 'application/json' } });
    return {
      status: reply.status,
      body: reply.status === 200 ? ((await reply.json()) as SystemEvent[]) : await reply.text(),
    };
  };
  return { url, events, recent };
}

/** Opens the stream, and gives what has come of it. */
async function streamOf(t: ExecutionContext, url: string, headers: Record<string, string> = {}) {
  const req = request(`${url}/system/events`, { headers: { accept: 'text/event-stream', ...headers } }).end();
  t.teardown(() => req.destroy());
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  let text = '';
  res.setEncoding('utf8').on('data', (part: string) => (text += part));
  res.on('error', () => {});
  return { type: res.headers['content-type'], text: () => text };
}

test('what happened lately is given as JSON, all of it or of one function', async (t) => {
  const { events, recent } = await startWith(t);
  events.tell({ ...fn, kind: 'deployed', text: 'was deployed' });
  events.tell({ ...fn, name: 'other', kind: 'deployed', text: 'was deployed' });
  events.tell({ ...fn, namespace: 'more', kind: 'deployed', text: 'was deployed' });
  t.is((await recent()).body.length, 3);
  t.is((await recent('?namespace=more')).body.length, 1);
  t.like((await recent('?function=hello')).body, [{ name: 'hello', namespace: 'openfaas-fn' }]);
  t.like((await recent('?function=hello.more')).body, [{ namespace: 'more' }]);
  t.deepEqual(await recent('?function=No_Name'), {
    status: 400,
    body: 'function "No_Name" is no name: write NAME or NAME.NAMESPACE\n',
  });
});

test('a stream gives what was and what comes; who comes back is given what is new', async (t) => {
  const { url, events } = await startWith(t);
  events.tell({ ...fn, kind: 'deployed', text: 'was deployed' });
  const stream = await streamOf(t, url);
  t.regex(stream.type ?? '', /^text\/event-stream/);
  await until(() => stream.text().includes('was deployed'));
  events.tell({ ...fn, kind: 'removed', text: 'was removed' });
  await until(() => stream.text().includes('"was removed"'));
  const [first = ''] = events.recent().map(({ id }) => id);
  const back = await streamOf(t, url, { 'last-event-id': first });
  await until(() => back.text().includes('removed'));
  t.false(back.text().includes('was deployed'));
  const stranger = await streamOf(t, url, { 'last-event-id': 'of-another-boot' });
  await until(() => stranger.text().includes('was deployed'));
  t.regex(stranger.text(), new RegExp(`^id: ${first}$`, 'm'));
});
