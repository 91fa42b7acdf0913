/** The dashboard's pages for deployments, asynchronous calls, secrets and namespaces, in a real browser on a real containerd. */
import { randomBytes } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { Browser, Page } from 'playwright-core';
import { password, username } from '../../helpers/berth.ts';
import { axeFindings, logIn, openTab, startBrowser, strangeParts } from '../../helpers/browser.ts';
import { functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { listOf, startHost, statusOf, untilStatus, type TestHost } from '../../integration/functions/setup.ts';
import { startSlowRegistry, type SlowRegistry } from './slow-registry.ts';

const hostile = `<img src=x onerror="document.title='owned'"> \u202e "'\` ${'x'.repeat(3000)}`;

let host: TestHost;
let slow: SlowRegistry;
let browser: Browser;
let image: string;

test.before(async () => {
  browser = await startBrowser();
  host = await startHost({ dashboard: true });
  const { registry } = host;
  slow = await startSlowRegistry(registry.url);
  ({ reference: image } = await functionImage(registry));
  await functionImage(registry, { name: 'large', layers: [{ ballast: randomBytes(3_000_000) }] });
});
test.after.always(async () => {
  slow?.release();
  await browser?.close();
  await slow?.[Symbol.asyncDispose]();
  await host?.stop();
});

/** The dashboard at one of its places, in a tab of its own. */
class Dashboard {
  readonly #t: ExecutionContext;
  readonly page: Page;

  private constructor(t: ExecutionContext, page: Page) {
    this.#t = t;
    this.page = page;
  }

  static async open(t: ExecutionContext, path: string): Promise<Dashboard> {
    // What berth refuses is a complaint of the browser's as well, and part of these tests.
    const page = await openTab(t, browser, { expected: [/status of 4(00|04|09) /] });
    const dashboard = new Dashboard(t, page);
    await logIn(page, `${host.berth.dashboard}/ui/`, username, password);
    await page.getByRole('link', { name: 'Secrets' }).waitFor();
    await dashboard.go(path);
    return dashboard;
  }

  async go(path: string): Promise<void> {
    await this.page.goto(`${host.berth.dashboard}/ui/#/${path}`);
  }

  button(name: string) {
    return this.page.getByRole('button', { name, exact: true });
  }

  field(name: string) {
    return this.page.getByLabel(name, { exact: true });
  }

  /** Waits until the page says so. */
  async says(text: string | RegExp): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  async refuses(text: string): Promise<void> {
    await this.page.getByRole('alert').getByText(text).waitFor();
  }

  async hasRow(name: RegExp | string): Promise<void> {
    await this.page.getByRole('row', { name }).waitFor();
  }

  /** Requires that nothing of the page is out of reach of who cannot see it, nor of a phone, nor what others wrote a part of it. */
  async isWell(): Promise<void> {
    this.#t.deepEqual(await axeFindings(this.page), []);
    await this.page.setViewportSize({ width: 360, height: 800 });
    this.#t.is(await this.page.evaluate('document.documentElement.scrollWidth'), 360);
    await this.page.setViewportSize({ width: 1280, height: 800 });
    this.#t.deepEqual(await strangeParts(this.page), []);
    this.#t.notRegex(await this.page.title(), /owned/);
  }
}

test.serial('a function is deployed by the form, and its pull is shown in bytes', async (t) => {
  const at = await Dashboard.open(t, 'deploy');
  await at.field('Image').fill(`${slow.host}/large:latest`);
  await at.field('Name').fill('large');
  await at.button('Add variable').click();
  await at.page.getByLabel('Name of variable 1').fill('VERSION');
  await at.page.getByLabel('Value of variable VERSION').fill(hostile);
  await at.button('Deploy').click();
  await at.says(/Pulling the image: [\d.]+ [KM]iB of [\d.]+ MiB/);
  t.regex((await at.page.locator('progress').getAttribute('max')) ?? '', /^[1-9]\d{6}$/);
  await at.isWell();
  slow.release();
  await at.says('It is deployed, and takes calls.');
  const line = await at.page.locator('.command code').innerText();
  t.true(
    line.startsWith(`faas-cli deploy --image ${slow.host}/large:latest --name large --namespace openfaas-fn --env `),
  );
  t.is(
    await at.page.getByRole('link', { name: 'Open the function' }).getAttribute('href'),
    '#/function/openfaas-fn/large',
  );
  t.is((await statusOf(host.berth, 'large')).envVars?.['VERSION'], hostile);
  await at.isWell();
});

test.serial('what berth has against a deployment is said at its field', async (t) => {
  const at = await Dashboard.open(t, 'deploy');
  await at.field('Image').fill(image);
  await at.field('Name').fill(hostile);
  await at.button('Deploy').click();
  await at.refuses('is not a valid name');
  await at.isWell();
  await at.field('Name').fill('Orders');
  await at.button('Deploy').click();
  await at.refuses('service "Orders" is not a valid name');
  await at.page.locator('[id=field-name]:focus').waitFor();
  await at.field('Name').fill('orders');
  await at.page.getByText('Scaling and sleep').click();
  await at.field('com.openfaas.scale.min').fill('two');
  await at.page.getByText('Scaling and sleep').click();
  await at.button('Deploy').click();
  await at.refuses('com.openfaas.scale.min "two" cannot be read');
  await at.page.locator('[id="field-com.openfaas.scale.min"]:focus').waitFor();
  await at.isWell();
  await at.field('com.openfaas.scale.min').fill('');
  await at.field('Name').fill('large');
  await at.button('Deploy').click();
  await at.page.getByText('Change that function instead').click();
  await at.page.getByRole('heading', { name: 'Change large' }).waitFor();
});

test.serial('a function is changed from what it is', async (t) => {
  const at = await Dashboard.open(t, 'deploy/openfaas-fn/large');
  const value = at.page.getByLabel('Value of variable VERSION');
  t.is(await value.inputValue(), hostile);
  await at.isWell();
  await value.fill('2');
  await at.page.getByText('Schedule', { exact: true }).click();
  await at.field('schedule').fill('@hourly');
  await at.button('Update').click();
  await at.says('It is updated, and takes calls.');
  const { envVars, annotations } = await statusOf(host.berth, 'large');
  t.deepEqual([envVars, annotations], [{ VERSION: '2' }, { schedule: '@hourly', topic: 'cron-function' }]);
});

test.serial('the functions of a stack.yml are deployed one after another, each with its outcome', async (t) => {
  const at = await Dashboard.open(t, 'deploy/stack');
  const text = at.page.getByLabel('or its text');
  await text.fill('functions: { a: { image: a, labels: [1] } }');
  await at.button('Look at it').click();
  await at.says('stack.yml:1: functions.a.labels must be a map of texts');
  t.is(await at.button('Deploy 1').count(), 0);
  await text.fill(`functions:
  dying: { image: ${image}, annotations: { com.openfaas.retry.attempts: 1, com.openfaas.retry.codes: 500 } }
  lost: { image: "${host.registry.host}/nothing:1", ${JSON.stringify(hostile.slice(0, 60))}: 1, labels: { note: "<b>" } }
`);
  await at.button('Look at it').click();
  await at.says('stack.yml:3: function lost: <img src=x onerror=');
  await at.isWell();
  await at.button('Deploy 2').click();
  await at.hasRow(/^dying .* ready/);
  await at.hasRow(/^lost .* no such image/);
  t.true((await listOf(host.berth)).some(({ name }) => name === 'dying'));
  await at.isWell();
});

test.serial('a call that failed for good is seen, followed, and replayed alone and with all others', async (t) => {
  const call = await fetch(`${host.berth.url}/async-function/dying/status/500?<img>`, {
    method: 'POST',
    body: hostile,
  });
  const id = call.headers.get('x-call-id') ?? '';
  const calls = async () => {
    const { text } = await host.berth.api('GET', `/async-function/${id}`);
    return JSON.parse(text) as { dead: boolean; lastBeganAt?: string };
  };
  const at = await Dashboard.open(t, 'async');
  await at.hasRow(new RegExp(`${id} dying .* dead 1 500`));
  await at.hasRow(/^large .* 0 \* \* \* \*/);
  await at.isWell();
  await at.page.getByRole('link', { name: id }).click();
  await at.says('This call failed for good. It is kept with its body, to be replayed.');
  await at.says('status 500');
  await at.says('/status/500?');
  await at.isWell();
  const { lastBeganAt: first } = await calls();
  await at.button('Replay').click();
  const second = await until(async () => {
    const { dead, lastBeganAt } = await calls();
    return dead && lastBeganAt !== first ? lastBeganAt : undefined;
  });
  await at.page.getByRole('link', { name: 'All calls' }).click();
  await at.button('Replay dead').click();
  await at.button('Replay').click();
  await until(async () => (await calls()).lastBeganAt !== second);
  t.pass();
});

test.serial('a secret is made, updated from a file, and deleted once nobody uses it', async (t) => {
  const { berth } = host;
  const at = await Dashboard.open(t, 'secrets');
  await at.button('New secret').click();
  await at.field('Name').fill(hostile);
  await at.page.getByLabel('Value; blanks').fill(' first \n');
  await at.button('Create').click();
  await at.refuses('is not a valid name');
  await at.field('Name').fill('db');
  await at.button('Create').click();
  await at.hasRow('db nobody');
  const deployed = await berth.api('PUT', '/system/functions', { service: 'reader', image, secrets: ['db'] });
  t.is(deployed.status, 202);
  await untilStatus(berth, 'reader', ({ availableReplicas }) => availableReplicas === 1);
  const value = async () => (await berth.invoke('reader/file/var/openfaas/secrets/db')).text;
  t.is(await value(), 'first');
  await at.go('deploy');
  await at.page.getByLabel('db', { exact: true }).waitFor();
  await at.go('secrets');
  await at.hasRow('db reader');
  await at.isWell();
  await at.button('Update db').click();
  await at.page.getByLabel('Or a file').setInputFiles({ name: 'f', mimeType: 'a/b', buffer: Buffer.from(' second\n') });
  await at.button('Update').click();
  await until(async () => (await value()) === ' second\n');
  await at.button('Delete db').click();
  await at.page.getByRole('dialog').getByText('Used by reader.').waitFor();
  await at.button('Delete').click();
  await at.refuses('is in use by function reader');
  await at.isWell();
  await berth.api('DELETE', '/system/functions', { functionName: 'reader' });
  await at.go('events');
  await at.go('secrets');
  await at.hasRow('db nobody');
  await at.button('Delete db').click();
  await at.button('Delete').click();
  await at.says('It has no secret yet.');
});

test.serial('a namespace is made and deleted', async (t) => {
  const at = await Dashboard.open(t, 'secrets');
  await at.button('New namespace').click();
  await at.field('Name').fill('staging');
  await at.button('Add label').click();
  await at.page.getByLabel('Name of label 1').fill('team');
  await at.page.getByLabel('Value of label team').fill('blue');
  await at.button('Create').click();
  const card = at.page.locator('section', { hasText: 'Namespace staging' });
  await card.getByText('team=blue').waitFor();
  await at.isWell();
  await card.getByRole('button', { name: 'Delete namespace' }).click();
  await at.button('Delete').click();
  await card.waitFor({ state: 'detached' });
  t.deepEqual(JSON.parse((await host.berth.api('GET', '/system/namespaces')).text), ['openfaas-fn']);
});
