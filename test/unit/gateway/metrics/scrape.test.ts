import test from 'ava';
import { startGateway } from '../with-gateway.ts';

const functions = 100;
const scrapes = 100;

test('a hundred scrapes under load of a hundred functions: no series of an unknown name, and no more lines than at first', async (t) => {
  const { url, provider } = await startGateway(t, {
    listener: (req, res) => void req.resume().on('end', () => res.end()),
  });
  for (let number = 0; number < functions; number += 1) provider.add(`fn${number}`, 1);
  const call = (name: string) =>
    fetch(`${url}/function/${name}`, { method: 'POST', body: 'x' }).then((reply) => reply.text());
  const scrape = async () => (await (await fetch(`${url}/metrics`)).text()).split('\n');
  for (let number = 0; number < functions; number += 1) await call(`fn${number}`);
  // The first one is counted among the requests.
  await fetch(`${url}/system/functions`);
  await scrape();
  const first = await scrape();
  let lines: string[] = [];
  for (let number = 0; number < scrapes; number += 1) {
    const known = Array.from({ length: 8 }, (_, index) => call(`fn${(number * 8 + index) % functions}`));
    const unknown = [`nobody${number}`, `fn1.other${number}`, `NOT-A-NAME-${number}`, `fn1%2f${number}`].map(call);
    const asked = fetch(`${url}/system/function/nobody${number}`);
    [lines] = await Promise.all([scrape(), ...known, ...unknown, asked]);
  }
  lines = await scrape();
  t.deepEqual(
    lines.filter((line) => /nobody|other|NOT-A|%2f/i.test(line)),
    [],
  );
  // The one route that was asked for the first time: `/system/function`, counted and timed under two names.
  const name = (line: string) => line.replace(/ \S+$/, '');
  const seen = new Set(first.map(name));
  t.deepEqual(
    lines.filter((line) => !seen.has(name(line)) && !line.includes('path="/system/function"')),
    [],
  );
  t.is(lines.filter((line) => line.startsWith('gateway_function_invocation_total{')).length, functions);
});
