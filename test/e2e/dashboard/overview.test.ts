/** The page of all functions and the page of events, in a real browser and on a real containerd. */
import test, { type ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { password, username } from '../../helpers/berth.ts';
import { axeFindings, logIn, openTab, startBrowser } from '../../helpers/browser.ts';
import { functionImage } from '../../helpers/functions.ts';
import { startHost, type TestHost } from '../../integration/functions/setup.ts';

const longName = `a${'-long-name'.repeat(6)}ab`;
const hostile = `<img src=x onerror=alert(1)>"' \u202egnp.exe`;

/** Notes whose rows are touched. */
const watchRows = `
  changed = new Set();
  new MutationObserver((records) => {
    for (const { target } of records) {
      const row = (target.closest ? target : target.parentElement)?.closest('tbody tr')?.querySelector('th a');
      if (row) changed.add(row.getAttribute('href'));
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });`;

let host: TestHost;
let browser: Browser;
let image: string;

test.before(async () => {
  browser = await startBrowser();
  host = await startHost({ dashboard: true });
  ({ reference: image } = await functionImage(host.registry));
});
test.after.always(async () => {
  await browser?.close();
  await host?.stop();
});

async function send(path: string, body: object): Promise<void> {
  const { status, text } = await host.berth.api('POST', path, body);
  if (status >= 300) throw new Error(`${path}: ${status} ${text}`);
}

async function openPage(t: ExecutionContext): Promise<Page> {
  const page = await openTab(t, browser);
  page.on('dialog', (dialog) => t.fail(`a script has run: ${dialog.message()}`));
  await logIn(page, `${host.berth.dashboard}/ui/`, username, password);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  return page;
}

/** The row of a function, by where its link leads. */
const rowOf = (page: Page, name: string, namespace = 'openfaas-fn') =>
  page.getByRole('row').filter({ has: page.locator(`a[href$="/${namespace}/${name}"]`) });

async function isFit(t: ExecutionContext, page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const width of [1280, 360]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      t.deepEqual(await axeFindings(page), [], `${colorScheme}, ${width} px`);
      t.true(
        await page.evaluate('document.documentElement.scrollWidth <= innerWidth'),
        `${width} px: it scrolls sideways`,
      );
    }
  await page.setViewportSize({ width: 1280, height: 800 });
}

test.serial('an empty host says what to do first', async (t) => {
  const page = await openPage(t);
  await page.getByText('faas-cli').first().waitFor();
  await page
    .getByRole('main')
    .getByRole('link', { name: /deploy/i })
    .first()
    .waitFor();
  t.deepEqual(await axeFindings(page), []);
});

test.serial('functions come, change and go on the page without a look of its own', async (t) => {
  const page = await openPage(t);
  await page.getByText('faas-cli').first().waitFor();
  await send('/system/functions', { service: 'hello', image, annotations: { topic: hostile } });
  await send('/system/functions', { service: longName, image });
  await send('/system/namespace/', { name: 'more' });
  await send('/system/functions', { service: 'hello', namespace: 'more', image });
  await send('/system/functions', { service: 'crashing', image, envVars: { EXIT_AT_START: '3' } });
  await rowOf(page, 'crashing').getByText('failing', { exact: true }).waitFor();
  const hello = rowOf(page, 'hello');
  await hello.getByText('ready', { exact: true }).waitFor();
  await rowOf(page, longName).getByText('ready', { exact: true }).waitFor();
  await rowOf(page, 'hello', 'more').getByText('ready', { exact: true }).waitFor();
  t.is((await host.berth.invoke('hello')).status, 200);
  await hello
    .getByText(/\d ms$/)
    .first()
    .waitFor();
  await send('/system/scale-function/hello', { serviceName: 'hello', replicas: 0 });
  await hello.getByText('asleep', { exact: true }).waitFor();
  await isFit(t, page);

  await page.getByLabel(/^Filter by name/).fill('long');
  await rowOf(page, 'hello').waitFor({ state: 'detached' });
  await rowOf(page, longName).waitFor();
  await page.getByLabel(/^Filter by name/).fill('');
  await page.getByRole('button', { name: /^asleep/ }).click();
  await rowOf(page, longName).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /^all/ }).click();
  await page.getByRole('button', { name: /^Function/ }).click();
  const sorted = page.getByRole('columnheader', { name: /^Function/ });
  t.is(await sorted.getAttribute('aria-sort'), 'descending');

  for (const functionName of [longName, 'crashing']) {
    t.is((await host.berth.api('DELETE', '/system/functions', { functionName })).status, 202);
    await rowOf(page, functionName).waitFor({ state: 'detached' });
  }
  await rowOf(page, 'hello').getByRole('link').click();
  await page.getByRole('heading', { name: 'What was declared' }).waitFor();
});

test.serial('an update of one function draws its row alone', async (t) => {
  // Beside one that was never called: the figures of calls leave a row after a minute.
  t.is((await host.berth.api('DELETE', '/system/functions', { functionName: 'hello' })).status, 202);
  await send('/system/functions', { service: 'quiet', image });
  await send('/system/scale-function/quiet', { serviceName: 'quiet', replicas: 0 });
  const page = await openPage(t);
  await rowOf(page, 'hello').waitFor({ state: 'detached' });
  await rowOf(page, 'quiet').getByText('asleep', { exact: true }).waitFor();
  await page.evaluate(watchRows);
  t.is((await host.berth.invoke('hello.more')).status, 200);
  await rowOf(page, 'hello', 'more')
    .getByText(/\d ms$/)
    .first()
    .waitFor();
  t.deepEqual(await page.evaluate('[...changed]'), ['#/function/more/hello']);
});

test.serial('what happens comes on the page of events, with the newest first', async (t) => {
  const page = await openPage(t);
  await page.getByRole('link', { name: 'Events' }).click();
  await page.getByText(`was deployed, of ${image}`).first().waitFor();
  await send('/system/secrets', { name: 'key', namespace: 'openfaas-fn', value: 'hidden-value' });
  await page.getByRole('list').getByText('secret key was created').waitFor();
  t.false((await page.content()).includes('hidden-value'));
  await isFit(t, page);
});
