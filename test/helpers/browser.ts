/** A real browser for tests of pages: Debian's chromium, driven by playwright-core. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { until } from './poll.ts';

const program = '/usr/bin/chromium';
const args = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
const patienceMs = 30_000;
/** A page that is not there by then is loaded again. */
const loadedMs = 5000;
/** A function's network interface that comes or goes has the browser of the same host give up what it was about to load. */
const networkChanged = 'net::ERR_NETWORK_CHANGED';

/** Starts the browser; each tab is a person of its own. To be started before what makes network interfaces. */
export async function startBrowser(): Promise<Browser> {
  // No link-local address for each function's interface: with each address that comes or goes the browser gives up what it loads.
  await writeFile('/proc/sys/net/ipv6/conf/default/addr_gen_mode', '1');
  return chromium.launch({ executablePath: program, args, timeout: 60_000 });
}

export interface TabOptions extends BrowserContextOptions {
  /** Complaints that the test brings about itself. */
  expected?: RegExp[];
}

/**
 * Opens a tab, which is closed with the test. The test fails by whatever the browser complains about meanwhile: errors in the
 * console, such as violations of the policy and answers of 400 and above, exceptions, and requests that failed.
 */
export async function openTab(t: ExecutionContext, browser: Browser, options: TabOptions = {}): Promise<Page> {
  const { expected = [], ...ofContext } = options;
  const context = await browser.newContext(ofContext);
  context.setDefaultTimeout(patienceMs);
  const page = await context.newPage();
  const complaints: string[] = [];
  const complain = (text: string) => {
    if (!expected.some((pattern) => pattern.test(text))) complaints.push(text);
  };
  page.on('console', (message) => {
    const isOurs = message.text().includes(networkChanged);
    if (message.type() === 'error' && !isOurs) complain(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complain(error.stack ?? error.message));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    // The page itself ends what it no longer needs.
    if (!['net::ERR_ABORTED', networkChanged].includes(reason))
      complain(`${request.method()} ${request.url()}: ${reason}`);
  });
  t.teardown(async () => {
    await context.close();
    if (complaints.length > 0) throw new Error(`the browser complained:\n${complaints.join('\n')}`);
  });
  return page;
}

/** Opens a tab of somebody of their own, who gives no password when asked, and whose browser complains unheard. */
export async function openStranger(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  const devtools = await page.context().newCDPSession(page);
  // It may end before it has answered.
  const tell = (sent: Promise<unknown>) => void sent.catch(() => {});
  devtools.on('Fetch.requestPaused', ({ requestId }) => tell(devtools.send('Fetch.continueRequest', { requestId })));
  devtools.on('Fetch.authRequired', ({ requestId }) => {
    const authChallengeResponse = { response: 'CancelAuth' } as const;
    tell(devtools.send('Fetch.continueWithAuth', { requestId, authChallengeResponse }));
  });
  await devtools.send('Fetch.enable', { handleAuthRequests: true });
  return page;
}

/** Opens an address as if a person had typed it, and waits until the page and what is in it are loaded. */
export async function goTo(page: Page, url: string): Promise<void> {
  await until(() => page.goto(url), { message: `${url} to be loaded` });
}

/** Logs in on the dashboard at an address. */
export async function logIn(page: Page, url: string, user: string, password: string): Promise<void> {
  const field = page.getByLabel('User');
  await until(
    async () => {
      await page.goto(url);
      await field.waitFor({ timeout: loadedMs });
      return true;
    },
    { message: 'the page to be loaded' },
  );
  await field.fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

interface AxeFinding {
  id: string;
  impact: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Returns what axe-core finds that keeps people from using the page as it is now: serious and critical findings, in words. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8'));
  const found = await page.evaluate('axe.run().then(({ violations }) => violations)');
  return (found as AxeFinding[])
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes.map((node) => `${node.html}\n${node.failureSummary}`).join('\n')}`,
    );
}

/**
 * Returns what of the page is more than text of what functions and users wrote: elements, and characters that are unseen or turn
 * what is beside them. What somebody types is left as it is.
 */
export async function strangeParts(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const unseen = /(?![\\t\\n])[\\p{Cc}\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]/u;
    const elements = [...document.querySelectorAll('main :is(img, script, iframe, style, [onerror])')];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = elements.map((element) => element.outerHTML.slice(0, 100));
    if (unseen.test(document.title)) found.push(document.title);
    while (texts.nextNode()) if (unseen.test(texts.currentNode.data)) found.push(texts.currentNode.data.slice(0, 100));
    return found;
  })()`);
}
