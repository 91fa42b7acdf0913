/** A real browser that knows the password: what a person opens is answered, what web pages ask of /system is refused. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { password, username } from '../helpers/berth.ts';
import { goTo, openStranger, startBrowser } from '../helpers/browser.ts';
import { busyboxImage, functionImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { listOf, startHost, type TestHost } from '../integration/functions/setup.ts';

/** An empty one is enough: what its own script would do is run in it. */
const html = '<!doctype html><title>a page</title>';

let host: TestHost;
let browser: Browser;
let page: Page;
let foreign: Server;
/** What `ui_origin` names. */
let dashboard: Server;

test.before(async () => {
  browser = await startBrowser();
  foreign = await serving(html);
  dashboard = await serving(html);
  host = await startHost({ env: { ui_origin: `http://127.0.0.1:${portOf(dashboard)}` } });
  const { reference: image } = await busyboxImage(host.registry, { layers: [{ 'www/index.html': html }] });
  const { status, text } = await host.berth.api('POST', '/system/functions', { service: 'page', image });
  if (status !== 202) throw new Error(text);
  page = await openStranger(browser);
});
test.after.always(async () => {
  await browser?.close();
  for (const server of [foreign, dashboard]) server.close().closeAllConnections();
  await host?.stop();
});

test.serial('a person logs in at /system, and is asked no more', async (t) => {
  const { berth } = host;
  await goTo(page, `http://${username}:${password}@127.0.0.1:${berth.port}/system/functions`);
  t.regex(String(await page.evaluate('document.body.innerText')), /"name":"page"/);
  await goTo(page, `${berth.url}/system/functions?again`);
  t.regex(String(await page.evaluate('document.body.innerText')), /"name":"page"/);
});

test.serial('a password given at another address than below /system is not given to functions as well', async (t) => {
  const { berth, registry } = host;
  const { reference: image } = await functionImage(registry);
  t.is((await berth.api('PUT', '/system/functions', { service: 'headers', image })).status, 202);
  const stranger = await openStranger(browser);
  t.teardown(() => stranger.close());
  const secretly = `http://${username}:${password}@127.0.0.1:${berth.port}`;
  for (const path of ['/metrics', '/nothing', '/system', '/system/']) {
    await goTo(stranger, secretly + path);
    await goTo(stranger, `${berth.url}/function/headers/headers`);
    t.notRegex(String(await stranger.evaluate('document.body.innerText')), /^authorization:/im, path);
  }
  t.is((await berth.api('DELETE', '/system/functions', { functionName: 'headers' })).status, 202);
});

const refused = 'no web page may use the API';

test.serial("a function's page can neither read nor change anything", async (t) => {
  await goTo(page, `${host.berth.url}/function/page/index.html`);
  t.deepEqual(await tryAll(), { fetches: [403, 403, 403, 403], image: 403, form: refused });
  await nothingHasChanged(t);
});

for (const realm of ['"Restricted"', 'Restricted', '"Re\\stricted"']) {
  test.serial(`a function that asks for the password of realm ${realm} does not get ours`, async (t) => {
    const { reference: image } = await functionImage(host.registry, { env: [`CHALLENGE=Basic realm=${realm}`] });
    const service = 'phisher';
    t.is((await host.berth.api('PUT', '/system/functions', { service, image })).status, 202);
    await goTo(page, `${host.berth.url}/function/page/index.html`);
    // The network interface of a function that comes may keep the browser from what it was about to ask.
    const asked = `fetch('/function/${service}/login', { signal: AbortSignal.timeout(10000) })
      .then(async (reply) => [reply.status, await reply.text()])`;
    const [status, head] = await until(() => page.evaluate<[number, string]>(asked));
    t.is(status, 401, head);
    t.is((await host.berth.api('DELETE', '/system/functions', { functionName: service })).status, 202);
  });
}

for (const name of ['127.0.0.1', 'localhost']) {
  test.serial(`a page of another origin can neither read nor change anything: ${name}`, async (t) => {
    await goTo(page, `http://${name}:${portOf(foreign)}/`);
    t.is(await page.evaluate('document.title'), 'a page');
    t.deepEqual(await tryAll(), { fetches: ['hidden', 'hidden', 'hidden', 'hidden'], image: 0, form: 'hidden' });
    await nothingHasChanged(t);
  });
}

test.serial('a page of ui_origin may use the API', async (t) => {
  await goTo(page, `http://127.0.0.1:${portOf(dashboard)}/`);
  const { fetches } = await tryAll();
  t.deepEqual(fetches, [200, 'hidden', 404, 201], 'but for what is asked without a leave to read');
});

async function nothingHasChanged(t: ExecutionContext): Promise<void> {
  t.deepEqual(
    (await listOf(host.berth)).map(({ name }) => name),
    ['page'],
  );
  t.is((await host.berth.api('GET', '/system/secrets')).text, '[]');
}

interface Tried {
  /** Statuses, as far as the page is shown them. */
  fetches: (number | string)[];
  image: number;
  /** The beginning of what was answered. */
  form: string;
}

async function tryAll(): Promise<Tried> {
  return page.evaluate<Tried>(`const api = '${host.berth.url}/system'; ${attempts}`);
}

/** Reads, reads without a leave to, changes with a body that needs a leave, and with one that needs none. */
const attempts = `
const status = (path, init) =>
  fetch(api + path, { credentials: 'include', ...init }).then(({ status }) => status || 'hidden', () => 'hidden');
const tryImage = async () => {
  const image = new Image();
  image.src = api + '/functions?image';
  await new Promise((done) => (image.onload = image.onerror = done));
  return performance.getEntriesByName(image.src)[0]?.responseStatus ?? 0;
};
const tryForm = async () => {
  document.body.innerHTML =
    '<iframe name=answer></iframe><form method=POST enctype=text/plain target=answer><input name=a></form>';
  const [form, frame] = [document.forms[0], document.querySelector('iframe')];
  form.action = api + '/secrets';
  form.a.name = '{"name":"planted","value":"';
  form.elements[0].value = '"}';
  const loaded = new Promise((done) => (frame.onload = done));
  form.submit();
  await loaded;
  try {
    return frame.contentDocument.body.innerText.split(':')[0];
  } catch {
    return 'hidden';
  }
};
(async () => ({
  fetches: [
    await status('/functions'),
    await status('/functions', { mode: 'no-cors' }),
    await status('/functions', { method: 'DELETE', body: '{"functionName":"none"}', headers: { 'Content-Type': 'application/json' } }),
    await status('/secrets', { method: 'POST', body: '{"name":"planted","value":"x"}' }),
  ],
  image: await tryImage(),
  form: await tryForm(),
}))()`;

async function serving(html: string): Promise<Server> {
  const server = createServer((_req, res) => res.setHeader('Content-Type', 'text/html').end(html));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
