/**
 * What an open page of the dashboard costs with a thousand functions, on a real containerd and in a real browser:
 * `sudo test/run bench test/bench/dashboard.ts [FUNCTIONS]`. Asserts nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { password, username, type TestBerth } from '../helpers/berth.ts';
import { logIn, startBrowser } from '../helpers/browser.ts';
import { until } from '../helpers/poll.ts';
import { listOf, startHost } from '../integration/functions/setup.ts';
import { asleepLabels, copyModel } from './asleep.ts';
import { cpuMicros } from './process-figures.ts';
import { compileProduct } from './product.ts';
import { benchImage, deployed, sleepNow } from './world.ts';

const count = Number(process.argv[2] ?? 1000);
const settleSeconds = 5;
const idleSeconds = 60;

const host = await startHost({ program: await compileProduct(), dashboard: true, env: { log_level: 'info' } });
const { berth, registry } = host;
let browser: Browser | undefined;
try {
  const image = await benchImage(registry);
  await deployed(berth, { service: 'model', image, labels: asleepLabels });
  await deployed(berth, { service: 'busy', image });
  await sleepNow(host, 'model');
  await berth.kill();
  await copyModel(berth, count - 2);
  await berth.start();
  await until(async () => (await listOf(berth)).length === count, { message: 'all to be listed' });
  say('processor of the daemon, no page', await idle(berth));

  browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await logIn(page, `${berth.dashboard}/ui/`, username, password);
  await page.getByRole('row').nth(50).waitFor();
  const received = await counting(await page.context().newCDPSession(page));
  for (let round = 0; round < 5; round++) say('until the filter has found one of them', await loaded(page));
  // What belongs to the last of them may still be coming.
  await sleep(settleSeconds * 1000);
  say('received by then', `${received()} bytes`);
  const before = received();
  say('processor of the daemon, a page open', await idle(berth));
  say('received meanwhile', `${received() - before} bytes in ${settleSeconds + idleSeconds} s`);
  await updates(browser, page, berth);
  const second = await browser.newPage();
  await logIn(second, `${berth.dashboard}/ui/`, username, password);
  say('processor of the daemon, two pages open', await idle(berth));
} finally {
  await browser?.close();
  await host.stop();
}

function say(what: string, figure: string): void {
  console.log(`${what}: ${figure}`);
}

async function idle({ pid }: TestBerth): Promise<string> {
  await sleep(settleSeconds * 1000);
  const before = await cpuMicros(pid);
  await sleep(idleSeconds * 1000);
  return `${(((await cpuMicros(pid)) - before) / idleSeconds / 1e4).toFixed(2)} % of a core`;
}

/** Loads the page anew and uses it at once. */
async function loaded(page: Page): Promise<string> {
  const last = `asleep-${count - 3}`;
  const beganMs = performance.now();
  await page.reload({ waitUntil: 'commit' });
  await page.getByRole('row').nth(50).waitFor();
  const shownMs = performance.now() - beganMs;
  await page.getByLabel(/^Filter by name/).fill(last);
  await page.getByRole('row').nth(2).waitFor({ state: 'detached' });
  await page.getByRole('link', { name: last }).waitFor();
  return `${Math.round(performance.now() - beganMs)} ms (shown after ${Math.round(shownMs)} ms)`;
}

/** Returns what says how many bytes of answers have come since, unpacked, by requests that begin from now on. */
async function counting(session: CDPSession): Promise<() => number> {
  let bytes = 0;
  // What came packed is told later, and of streams together with what comes next.
  session.on('Network.dataReceived', ({ dataLength }) => (bytes += dataLength));
  await session.send('Network.enable');
  return () => bytes;
}

interface LayoutEvent {
  name: string;
  args: { beginData?: { dirtyObjects: number; totalObjects: number; partialLayout: boolean } };
}

/** Says how much of the page is laid out anew when one function's row changes. */
async function updates(browser: Browser, page: Page, { url }: TestBerth): Promise<void> {
  await page.getByLabel(/^Filter by name/).fill('');
  await until(async () => (await page.getByRole('row').count()) > count, { message: 'all rows' });
  await browser.startTracing(page, { categories: ['devtools.timeline'] });
  for (let round = 0; round < 10; round++) {
    await fetch(`${url}/function/busy`);
    await sleep(2100);
  }
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: LayoutEvent[] };
  const layouts = traceEvents.filter(({ name }) => name === 'Layout').flatMap(({ args }) => args.beginData ?? []);
  const sizes = layouts.map(({ dirtyObjects, totalObjects }) => `${dirtyObjects} of ${totalObjects}`);
  say('laid out anew in 10 updates of a row', sizes.length === 0 ? 'nothing' : sizes.join(', '));
}
