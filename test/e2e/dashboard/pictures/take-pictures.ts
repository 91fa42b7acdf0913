/** Pictures of the dashboard for docs/dashboard.md and README.md: `sudo test/run pictures`. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { password, username } from '../../../helpers/berth.ts';
import { logIn, startBrowser } from '../../../helpers/browser.ts';
import { run } from '../../../helpers/processes.ts';
import { startDemoHost } from './demo-host.ts';

const folder = process.argv[2] ?? join(import.meta.dirname, '../../../../docs/dashboard');
/** What is told of calls is of the last minute. */
const callsMs = Number(process.argv[3] ?? 75_000);
const [wide, narrow] = [1280, 360];

interface Picture {
  name: string;
  path: string;
  /** Of the picture at most, wide and narrow, in pixels. */
  heights: [wide: number, narrow: number];
  /** All four of them; else one light and wide, and one dark and narrow. */
  isWhole?: boolean;
  /** Brings the page into the state to be shown. */
  prepare: (page: Page) => Promise<unknown>;
}

const pictures: Picture[] = [
  {
    name: 'overview',
    path: '',
    heights: [1100, 1100],
    isWhole: true,
    // CPU is known once it was looked at twice.
    prepare: (page) => page.getByRole('row', { name: /thumbnails .*MiB.*%/ }).waitFor(),
  },
  {
    name: 'function',
    path: 'function/openfaas-fn/thumbnails',
    heights: [1640, 1330],
    isWhole: true,
    async prepare(page) {
      await page.getByRole('log').getByText('INFO').first().waitFor();
      await page.getByRole('button', { name: 'Last day' }).click();
      await page.getByText('5 min').first().waitFor();
    },
  },
  { name: 'deploy', path: 'deploy', heights: [1100, 1100], prepare: fillForm },
  {
    name: 'async',
    path: 'async',
    heights: [1000, 1100],
    prepare: (page) => page.getByRole('button', { name: 'Replay dead' }).waitFor(),
  },
  { name: 'secrets', path: 'secrets', heights: [900, 1000], prepare: (page) => page.getByText('team=').waitFor() },
  {
    name: 'events',
    path: 'events',
    heights: [800, 1000],
    prepare: (page) => page.getByText('was deployed').first().waitFor(),
  },
];

async function fillForm(page: Page): Promise<void> {
  await page.getByLabel('Image', { exact: true }).fill('ghcr.io/openfaas/nodeinfo:latest');
  await page.getByLabel('Name', { exact: true }).fill('nodeinfo');
  await page.getByRole('button', { name: 'Add variable' }).click();
  await page.getByLabel('Name of variable 1').fill('LANG');
  await page.getByLabel('Value of variable LANG').fill('en');
  await page.getByText('Scaling and sleep').click();
}

async function take(browser: Browser, url: string, width: number, colorScheme: 'light' | 'dark'): Promise<void> {
  const context = await browser.newContext({
    viewport: { width, height: 800 },
    colorScheme,
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await logIn(page, `${url}/ui/`, username, password);
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  for (const { name, path, heights, isWhole, prepare } of pictures) {
    if (!isWhole && (width === wide) !== (colorScheme === 'light')) continue;
    await page.goto(`${url}/ui/#/${path}`);
    await prepare(page);
    const whole = Number(await page.evaluate('document.documentElement.scrollHeight'));
    const height = Math.min(whole, heights[width === wide ? 0 : 1]);
    // Not `fullPage`: what is out of sight is not drawn until it has been seen.
    await page.setViewportSize({ width, height });
    await page.mouse.move(0, 0);
    await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
    await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`) });
    await page.setViewportSize({ width, height: 800 });
  }
  await context.close();
}

// A font as people's own systems have one.
process.env.FONTCONFIG_FILE = join(import.meta.dirname, 'fonts.conf');
// Of a namespace of its own, see in_private_namespaces in test/run.
await run('hostname', ['raspberrypi']);
await using demo = await startDemoHost();
const leaving = new AbortController();
const calls = demo.makeCalls(leaving.signal);
await sleep(callsMs);
await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const browser = await startBrowser();
for (const width of [wide, narrow])
  for (const colorScheme of ['light', 'dark'] as const)
    await take(browser, demo.host.berth.dashboard ?? '', width, colorScheme);
await browser.close();
leaving.abort();
await calls;
await run('sh', ['-c', 'pngquant --force --ext .png --strip --speed 1 --quality 50-90 -- "$0"/*.png', folder]);
