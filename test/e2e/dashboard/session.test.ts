/** The dashboard's session in a real browser, and what a function's page can do about it: nothing. */
import test from 'ava';
import type { Browser } from 'playwright-core';
import { password, username } from '../../helpers/berth.ts';
import { axeFindings, logIn, openTab, startBrowser } from '../../helpers/browser.ts';
import { busyboxImage } from '../../helpers/functions.ts';
import { startHost, untilAvailable, type TestHost } from '../../integration/functions/setup.ts';

/** An empty one is enough: what its own script would do is run in it. */
const functionPage = '<!doctype html><title>a page of a function</title>';

let host: TestHost;
let browser: Browser;
/** The dashboard's address. */
let dashboard: string;

test.before(async () => {
  browser = await startBrowser();
  host = await startHost({ dashboard: true });
  dashboard = host.berth.dashboard ?? '';
  const { reference: image } = await busyboxImage(host.registry, { layers: [{ 'www/index.html': functionPage }] });
  const { status, text } = await host.berth.api('POST', '/system/functions', { service: 'page', image });
  if (status !== 202) throw new Error(text);
  // By then the bridge of all functions has its address.
  await untilAvailable(host.berth, 'page', 1);
});
test.after.always(async () => {
  await browser?.close();
  await host?.stop();
});

test.serial('whoever opens the address of the API logs in on the page, and is in until the log out', async (t) => {
  const page = await openTab(t, browser, { expected: [/status of 401.*\/ui\/session/] });
  await logIn(page, host.berth.url, username, 'wrong');
  t.is(page.url(), `${dashboard}/ui/`);
  await page.getByRole('alert').getByText('not the password').waitFor();
  await page.locator('input[name=password]:focus').waitFor();
  t.deepEqual(await axeFindings(page), []);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('link', { name: 'Functions' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  await page.reload();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
});

test.serial('a part of the page that was lost has it loaded again', async (t) => {
  const page = await openTab(t, browser, { expected: [/net::ERR_CONNECTION_RESET/, /dynamically imported module/] });
  await page.route('**/ui/shell.js', (route) => route.abort('connectionreset'), { times: 1 });
  await page.goto(`${dashboard}/ui/`);
  await page.getByText('Not all of this page could be loaded.').waitFor();
  await page.getByRole('button', { name: 'Log in' }).waitFor();
  t.is(page.url(), `${dashboard}/ui/`);
});

test.serial('a connection that is lost is said to be, and is back after a restart without a new login', async (t) => {
  const page = await openTab(t, browser, { expected: [/net::ERR_/] });
  await logIn(page, `${dashboard}/ui/`, username, password);
  const lost = page.getByText('The connection to berth is lost.');
  await page.getByRole('link', { name: 'Functions' }).waitFor();
  await host.berth.kill();
  await lost.waitFor();
  await host.berth.start();
  await lost.waitFor({ state: 'detached' });
  t.is(await page.getByRole('button', { name: 'Log out' }).count(), 1);
});

test.serial(
  'an address that changes while the page is drawn is gone to, and a question that was lost asked again',
  async (t) => {
    const page = await openTab(t, browser, { expected: [/net::ERR_CONNECTION_RESET/] });
    const goAtFirstSight = `new MutationObserver((_, watching) => {
    if (!document.querySelector('nav')) return;
    watching.disconnect();
    location.hash = '#/function/openfaas-fn/page';
  }).observe(document, { childList: true, subtree: true });`;
    await page.addInitScript(goAtFirstSight);
    await page.route('**/system/function/page?*', (route) => route.abort('connectionreset'), { times: 1 });
    await logIn(page, `${dashboard}/ui/`, username, password);
    await page.getByRole('heading', { name: 'What was declared' }).waitFor();
    t.is(await page.getByRole('alert').count(), 0);
  },
);

test.serial("a function's page reaches neither the API, nor the dashboard, nor its session", async (t) => {
  const { berth } = host;
  const page = await openTab(t, browser);
  await logIn(page, `${dashboard}/ui/`, username, password);
  await page.getByRole('link', { name: 'Functions' }).waitFor();
  const stranger = await page.context().newPage();
  await stranger.goto(`${berth.url}/function/page/index.html`);
  t.is(await stranger.title(), 'a page of a function');
  const tried = await stranger.evaluate(`const page = '${dashboard}'; const api = '${berth.url}'; ${attempts}`);
  t.deepEqual(tried, {
    fetches: ['hidden', 'hidden', 'hidden', 'hidden', 403],
    frame: 'hidden',
    opened: 'hidden',
    stored: null,
  });
  const frame = stranger.frames().find((each) => each !== stranger.mainFrame());
  t.regex(frame?.url() ?? '', /^chrome-error:/, 'the page is in no frame');
  t.is((await berth.api('GET', '/system/secrets')).text, '[]');
  const opened = page.context().pages().at(-1);
  await opened?.getByRole('button', { name: 'Log in' }).waitFor();
  t.is((await stranger.goto(`${dashboard}/function/page/index.html`))?.status(), 401);
  t.is(await stranger.evaluate('document.contentType'), 'text/plain');
});

/** Reads and changes with what a page may send by itself and with what asks for a leave; frames, opens and posts to the page. */
const attempts = `
const status = (url, init) => fetch(url, { credentials: 'include', ...init }).then(({ status }) => status || 'hidden', () => 'hidden');
const looked = (look) => {
  try {
    return look() ?? 'hidden';
  } catch {
    return 'hidden';
  }
};
const secret = JSON.stringify({ name: 'planted', value: 'x' });
const framed = async () => {
  document.body.innerHTML = '<iframe></iframe><iframe name=answer></iframe><form method=POST enctype=text/plain target=answer><input></form>';
  const [frame, answer] = document.querySelectorAll('iframe');
  const loaded = (of) => new Promise((done) => (of.onload = done));
  frame.src = page + '/ui/';
  await loaded(frame);
  document.forms[0].action = page + '/system/secrets';
  document.forms[0].elements[0].name = '{"name":"planted","value":"';
  document.forms[0].elements[0].value = '"}';
  const answered = loaded(answer);
  document.forms[0].submit();
  await answered;
  answer.remove();
  return looked(() => frame.contentDocument.body.innerHTML);
};
const openedOne = async () => {
  const other = window.open(page + '/ui/');
  const end = Date.now() + 20000;
  // Until it is there, it is an empty page of this origin.
  while (looked(() => other.location.href) !== 'hidden' && Date.now() < end) await new Promise((done) => setTimeout(done, 20));
  return looked(() => other.document.title + other.sessionStorage.length);
};
(async () => ({
  fetches: [
    await status(page + '/system/functions'),
    await status(page + '/system/functions', { headers: { 'X-Berth-Session': 'x' } }),
    await status(page + '/system/secrets', { mode: 'no-cors', method: 'POST', body: secret }),
    await status(page + '/ui/session', { mode: 'no-cors', method: 'POST', body: '{"user":"admin","password":"guess"}' }),
    await status(api + '/system/functions'),
  ],
  frame: await framed(),
  opened: await openedOne(),
  stored: sessionStorage.getItem('berth-session') ?? localStorage.getItem('berth-session'),
}))()`;
