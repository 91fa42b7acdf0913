import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import fc from 'fast-check';
import { apiRequest } from './api-texts.ts';
import { handlerAsker } from './ask-handlers.ts';
import { dataFolder } from './data-folder.ts';

const cases = Number(process.env['BERTH_FUZZ_CASES'] ?? 100_000);
/** A start reads all that is there, so that what gathers is not to grow without end. */
const casesAFolder = 500;
/** Generous: the host runs other things. One bad label took a minute. */
const longestDelayMs = 5000;

test('no text that the API takes blocks the daemon, is answered 5xx, or is stored for a start to refuse', async (t) => {
  t.timeout(300_000);
  let data = await dataFolder();
  t.teardown(() => data.remove());
  let ask = handlerAsker(data.provider);
  let asked = 0;
  const delays = monitorEventLoopDelay();
  delays.enable();
  const answers = new Map<string, number>();
  const property = fc.asyncProperty(apiRequest, async (request) => {
    if (++asked % casesAFolder === 0) {
      await data.remove();
      data = await dataFolder();
      ask = handlerAsker(data.provider);
    }
    const status = await ask(request);
    await turn();
    const answer = `${request.method} ${request.handler} ${status}`;
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
    if (status >= 500) throw new Error(`answered ${status}`);
    if (delays.max > longestDelayMs * 1e6) throw new Error(`blocked for ${delays.max / 1e6} ms`);
    if (status < 300 && request.method !== 'GET') await data.start();
  });
  const from = performance.now();
  await t.notThrowsAsync(fc.assert(property, { numRuns: cases, endOnFailure: true }));
  t.log(
    `${cases} cases in ${Math.round(performance.now() - from)} ms, at most ${Math.round(delays.max / 1e6)} ms blocked`,
  );
  for (const seen of [
    'POST deployFunction 202',
    'PUT updateFunction 200',
    'POST secrets 201',
    'POST mutateNamespace 201',
  ])
    t.true(answers.has(seen), `${seen} was among the answers: ${[...answers].join(' ')}`);
});
