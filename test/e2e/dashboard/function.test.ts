/** The page of a function, in a real browser and on a real containerd. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { password, username } from '../../helpers/berth.ts';
import { axeFindings, logIn, openTab, startBrowser, strangeParts } from '../../helpers/browser.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startHost, untilStatus, type TestHost } from '../../integration/functions/setup.ts';

/** Markup, an escape for terminals, a bell, a mark that turns the text behind it, and text that goes to the left by itself. */
const hostile = `<img src=x onerror=alert(1)>"'&amp; \u001b[31mred\u0007 \u202egnp.exe السلام`;
const shown = `<img src=x onerror=alert(1)>"'&amp; \\u{1b}[31mred\\u{7} \\u{202e}gnp.exe السلام`;

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

async function send(method: string, deployment: object): Promise<void> {
  const { status, text } = await host.berth.api(method, '/system/functions', { image, ...deployment });
  if (status >= 300) throw new Error(`${status} ${text}`);
}

async function openFunction(t: ExecutionContext, name: string, expected: RegExp[] = []): Promise<Page> {
  const page = await openTab(t, browser, { expected });
  page.on('dialog', (dialog) => t.fail(`a script has run: ${dialog.message()}`));
  // A page that has to be loaded again is so only at an address without a fragment.
  await logIn(page, `${host.berth.dashboard}/ui/`, username, password);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  await page.goto(`${host.berth.dashboard}/ui/#/function/openfaas-fn/${name}`);
  await page.getByRole('heading', { name: 'What was declared' }).waitFor();
  return page;
}

/** Presses a button of the function, and says yes to what will happen. */
async function perform(page: Page, act: string): Promise<string> {
  await page.getByRole('button', { name: act, exact: true }).click();
  const dialog = page.getByRole('dialog');
  const sentence = await dialog.innerText();
  await dialog.getByRole('button', { name: act, exact: true }).click();
  return sentence;
}

async function call(page: Page, path: string): Promise<void> {
  await page.getByLabel('Path and query').fill(path);
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await page.getByRole('heading', { name: 'Answer' }).waitFor();
}

test.serial('a function is called, its log read, and its life directed', async (t) => {
  await send('POST', { service: 'hello', envVars: { VERSION: 'one' } });
  await send('PUT', { service: 'hello', envVars: { VERSION: 'two' } });
  const page = await openFunction(t, 'hello');
  const state = page.getByRole('region', { name: 'State' });
  await call(page, '/');
  t.regex(await page.getByLabel('Body of the answer').innerText(), /^two /);
  await page.getByText('curl -i -X POST').waitFor();

  await call(page, '/log/ERROR%20it%20broke');
  const log = page.getByRole('log');
  await log.getByText('ERROR it broke').first().waitFor();
  await page.getByLabel('Search').fill('BROKE');
  await log.getByText('listening').waitFor({ state: 'detached' });
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  t.regex(await readFile(await (await downloading).path(), 'utf8'), /\w listening\n[^]*\w ERROR it broke\n/);

  await page.getByRole('spinbutton', { name: 'Replicas' }).fill('2');
  t.regex(await perform(page, 'Scale'), /hello will have 2 replicas/);
  await state.getByText('2 of 2 replicas ready').waitFor();
  await state.getByText('scale-function/hello').waitFor();
  t.regex(await perform(page, 'Put to sleep'), /The next call wakes it/);
  await state.getByText('asleep', { exact: true }).waitFor();
  await call(page, '/');
  await page.getByText('hello was asleep: this call wakes it.').waitFor();
  await state.getByText('1 of 1 replicas ready').waitFor();
  await perform(page, 'Put to sleep');
  await state.getByText('asleep', { exact: true }).waitFor();
  await perform(page, 'Wake');
  await state.getByText('1 of 1 replicas ready').waitFor();

  const before = (await untilStatus(host.berth, 'hello', ({ berth }) => berth.ready?.length === 1)).berth.ready;
  t.regex(await perform(page, 'Restart'), /No call is lost/);
  await untilStatus(host.berth, 'hello', ({ berth }) => berth.ready?.length === 1 && berth.ready[0] !== before?.[0]);
  t.regex(await perform(page, 'Roll back'), /takes over when it is ready/);
  await untilStatus(host.berth, 'hello', ({ envVars }) => envVars?.['VERSION'] === 'one');
  t.regex(await perform(page, 'Delete'), /This cannot be undone/);
  await page.waitForURL(/#\/$/);
  t.is((await host.berth.api('GET', '/system/function/hello')).status, 404);
});

test.serial('a call is queued, sends a file, and whatever it is answered is shown or offered', async (t) => {
  await send('POST', { service: 'caller', envVars: { LOCATION: '/elsewhere?<b>' } });
  const page = await openFunction(t, 'caller');
  const answer = page.getByLabel('Body of the answer');
  await call(page, '/status/302');
  await page.getByText('It redirects to /elsewhere?<b>, where nobody has gone.').waitFor();
  t.regex(await answer.innerText(), /^status 302/);

  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  await page.getByLabel('or a file as the body').setInputFiles({ name: 'all', mimeType: '', buffer: bytes });
  await call(page, '/echo');
  await page.getByText('This is no text: 256 B.').waitFor();
  t.is(await answer.count(), 0);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save as a file' }).click();
  t.deepEqual(await readFile(await (await downloading).path()), bytes);

  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await call(page, '/log/unseen');
  await page.getByRole('button', { name: /^Go on \([12] new\)/ }).click();
  await page.getByRole('log').getByText('unseen').first().waitFor();

  const graphs = page.getByRole('region', { name: 'Over time' });
  const calls = graphs.getByRole('img', { name: /^Calls per .*calls: last \d+, least \d+, most [1-9]/ });
  const span = async (name: string) => graphs.getByRole('button', { name }).click();
  // They are asked for anew with each span, and have a step when it has ended.
  await until(async () => {
    for (const name of ['Last day', 'Last hour']) await span(name);
    return calls.isVisible();
  });
  // A line, or a dot where one step alone is known.
  await calls.locator('.curve[d^=M]').first().waitFor({ state: 'attached' });

  await page.getByLabel('Asynchronously').check();
  await call(page, '/');
  await page.getByRole('link', { name: 'What becomes of it' }).click();
  await page.getByText('This call is done.').waitFor();
});

test.serial('what users and functions write is shown as text', async (t) => {
  const long = `${hostile}${'x'.repeat(10 * 1024)}`;
  await send('POST', {
    service: 'hostile',
    envVars: { NOTE: hostile },
    labels: { note: hostile },
    annotations: { long, note: hostile },
  });
  const page = await openFunction(t, 'hostile');
  t.is(await page.getByText(shown, { exact: true }).count(), 3, 'variable, label, annotation');
  await page.locator('summary', { hasText: 'characters)' }).click({ position: { x: 8, y: 8 } });
  t.is(await page.locator('details[open] > bdi').innerText(), shown + 'x'.repeat(10 * 1024));

  await call(page, `/log/${encodeURIComponent('<img src=x onerror=alert(1)> \u001b[31mred\u0007\u202e')}`);
  await page
    .getByRole('log')
    .getByText('<img src=x onerror=alert(1)> red\\u{7}\\u{202e}', { exact: true })
    .first()
    .waitFor();
  await page.getByLabel('Headers, one a line').fill('Content-Type: text/html\nX-Note: <img src=x onerror=alert(1)>');
  await page.getByLabel('Body', { exact: true }).fill('<script>alert(1)</script>\u202e');
  await call(page, '/echo');
  const body = page.getByLabel('Body of the answer');
  await body.getByText('<script>alert(1)</script>\\u{202e}', { exact: true }).waitFor();
  await call(page, '/headers');
  await body.getByText('x-note: <img src=x onerror=alert(1)>').waitFor();
  await page.getByText(/^Headers \(/).click();
  t.deepEqual(await strangeParts(page), []);
  await page.getByLabel('Headers, one a line').fill(hostile);
  await page.getByRole('button', { name: 'Call', exact: true }).click();
  await page.getByRole('alert').getByText('is no header').waitFor();
  t.deepEqual(await strangeParts(page), []);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    t.deepEqual(await axeFindings(page), [], colorScheme);
  }
  await page.setViewportSize({ width: 360, height: 800 });
  t.is(await page.evaluate('document.documentElement.scrollWidth'), 360);
});

test.serial('a function that a file keeps says so, and what berth refuses is shown', async (t) => {
  const folder = join(host.berth.folder, 'functions.d');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'stack.yml'), `functions:\n  kept:\n    image: ${image}\n`);
  await until(async () => (await host.berth.api('GET', '/system/function/kept')).status === 200, {
    timeoutMs: 30_000,
    message: 'the function of the file',
  });
  const page = await openFunction(t, 'kept', [/409/]);
  await page.getByText('It comes from the file').waitFor();
  await perform(page, 'Delete');
  await page.getByRole('alert').getByText('function kept.openfaas-fn is kept by').waitFor();
  t.is((await host.berth.api('GET', '/system/function/kept')).status, 200);
});
