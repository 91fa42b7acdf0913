/** A host with functions as people have them, for pictures of the dashboard: real functions, real calls. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { functionImage } from '../../../helpers/functions.ts';
import { until } from '../../../helpers/poll.ts';
import { startHost, untilAvailable, untilStatus, type TestHost } from '../../../integration/functions/setup.ts';
import { writePastDay } from './past-day.ts';

/** A registry that there is not: its images come from that of the test. */
const registryName = 'registry.example.com';

export interface DemoHost extends AsyncDisposable {
  host: TestHost;
  /** Calls functions until the signal aborts. */
  makeCalls(signal: AbortSignal): Promise<void>;
}

interface Demo {
  service: string;
  image: string;
  namespace?: string;
  envVars?: Record<string, string>;
  secrets?: string[];
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  limits?: Record<string, string>;
}

const longest = 'export-of-customer-statistics-to-the-warehouse-every-new-month1';
const secrets = { 'db-password': 'not-shown', 'smtp-login': 'not-shown', 'stripe-key': 'not-shown', unused: 'x' };
const oneTry = { 'com.openfaas.retry.attempts': '1', 'com.openfaas.retry.codes': '500' };

const demos: Demo[] = [
  {
    service: 'thumbnails',
    image: 'media/thumbnails:1.4.1',
    envVars: { SIZES: '320,640,1280', FORMAT: 'webp' },
    labels: { 'com.openfaas.scale.min': '2', 'com.openfaas.scale.max': '6' },
    limits: { memory: '128Mi', cpu: '500m' },
  },
  { service: 'checkout', image: 'shop/checkout:3.2.0', secrets: ['db-password', 'stripe-key'] },
  { service: 'invoice-mailer', image: 'shop/invoice-mailer:1.0.7', secrets: ['smtp-login'], annotations: oneTry },
  {
    service: 'text-recognition',
    image: 'media/text-recognition:0.9.0',
    annotations: { 'com.openfaas.async.concurrency': '1' },
  },
  {
    service: 'nightly-report',
    image: 'shop/nightly-report:2.0.0',
    secrets: ['db-password'],
    annotations: { topic: 'cron-function', schedule: '30 3 * * *', timezone: 'Europe/Berlin' },
  },
  {
    service: 'feed-import',
    image: 'shop/feed-import:1.1.0',
    annotations: { topic: 'cron-function', schedule: '@every 15m' },
  },
  { service: longest, image: 'shop/export:latest' },
  { service: 'checkout', namespace: 'staging', image: 'shop/checkout:3.3.0-rc1' },
];

/** Starts the host, its functions, and what has happened to them. */
export async function startDemoHost(): Promise<DemoHost> {
  const hostsDir = await mkdtemp(join(tmpdir(), 'certs.d-'));
  const host = await startHost({ dashboard: true, env: { hosts_dir: hostsDir, log_level: 'info' } });
  const dispose = async () => {
    await host.stop();
    await rm(hostsDir, { recursive: true, force: true });
  };
  try {
    await mkdir(join(hostsDir, registryName));
    await writeFile(join(hostsDir, registryName, 'hosts.toml'), `server = "${host.registry.url}"\n`);
    await deployAll(host);
    // It reads what its functions were like when it starts.
    await host.berth.kill();
    await writePastDay(join(host.berth.folder, 'data/history/openfaas-fn'), ['thumbnails', 'checkout']);
    await host.berth.start();
    await makeHistory(host);
    return { host, makeCalls: (signal) => makeCalls(host, signal), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function send(host: TestHost, method: string, path: string, body: object): Promise<void> {
  const { status, text } = await host.berth.api(method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
}

async function deploy(host: TestHost, { image, ...demo }: Demo, method = 'POST'): Promise<void> {
  const [name = '', tag] = image.split(':');
  await functionImage(host.registry, { name, tag });
  await send(host, method, '/system/functions', { ...demo, image: `${registryName}/${image}` });
}

async function deployAll(host: TestHost): Promise<void> {
  await send(host, 'POST', '/system/namespace/', { name: 'staging', labels: { team: 'shop' } });
  for (const [name, value] of Object.entries(secrets))
    await send(host, 'POST', '/system/secrets', { name, namespace: 'openfaas-fn', value });
  for (const demo of demos) await deploy(host, demo);
  await untilAvailable(host.berth, 'thumbnails', 2);
  for (const { service } of demos.slice(1, -1)) await untilAvailable(host.berth, service, 1);
}

/** What the page of events shows, and the page of asynchronous calls. */
async function makeHistory(host: TestHost): Promise<void> {
  const { berth } = host;
  const scale = (name: string, replicas: number) =>
    send(host, 'POST', `/system/scale-function/${name}`, { serviceName: name, replicas });
  await scale('nightly-report', 0);
  await scale(longest, 0);
  const [demo] = demos;
  if (demo) await deploy(host, { ...demo, image: 'media/thumbnails:1.4.2' }, 'PUT');
  await deploy(host, { service: 'stock-sync', image: 'shop/stock-sync:0.3.1', envVars: { EXIT_AT_START: '1' } });
  await untilAvailable(berth, 'thumbnails', 2);
  // Memory as programs take it.
  for (const path of ['thumbnails/alloc/38', 'thumbnails/alloc/38', 'checkout/alloc/51', 'text-recognition/alloc/96'])
    await berth.invoke(path);
  await berth.invoke('feed-import/exit/3');
  await queueCalls(host);
  await untilStatus(berth, 'stock-sync', (status) => (status.berth.reason ?? status.berth.lastExit) !== undefined);
}

async function queueCalls(host: TestHost): Promise<void> {
  const queue = async (path: string) => {
    const { status } = await fetch(`${host.berth.url}/async-function/${path}`, { method: 'POST', body: 'x' });
    if (status !== 202) throw new Error(`${path}: ${status}`);
  };
  for (let i = 0; i < 12; i++) await queue(`invoice-mailer/note/20/INFO%20mail%20of%20order%20${4711 + i}%20is%20sent`);
  for (let i = 0; i < 3; i++) await queue('invoice-mailer/status/500');
  for (let i = 0; i < 5; i++) await queue('text-recognition/sleep/600000');
  await until(async () => /"dead":3/.test((await host.berth.api('GET', '/system/async')).text), {
    message: 'three dead calls',
  });
}

/** Calls as their functions have them: so many a second, what is asked for, and how much of it. */
async function makeCalls(host: TestHost, signal: AbortSignal): Promise<void> {
  let count = 0;
  const call = async (path: string) => {
    // One that is cut, or meets a connection that is just being closed, is not in the picture.
    await host.berth.invoke(path, { signal }).catch(() => {});
  };
  const note = (ms: number, text: string) => `note/${ms}/${encodeURIComponent(text)}`;
  const thumbnails = () => {
    count += 1;
    const ms = 14 + ((count * 37) % 60);
    if (count % 90 === 0) return note(ms, `WARN photo-${count}.jpg has no colour profile: sRGB is taken`);
    if (count % 140 === 0) return note(ms, `ERROR photo-${count}.jpg ends early: no picture was made`);
    return note(ms, `INFO photo-${count}.jpg: 640x480 in ${ms} ms`);
  };
  const checkout = () => (++count % 40 === 0 ? 'status/500' : `sleep/${40 + ((count * 53) % 170)}`);
  await Promise.all([
    everySo(180, signal, () => call(`thumbnails/${thumbnails()}`)),
    everySo(400, signal, () => call(`checkout/${checkout()}`)),
    everySo(3100, signal, () => call('feed-import/sleep/25')),
    everySo(5300, signal, () => call('checkout.staging/sleep/60')),
  ]);
}

/** With pauses that are not the same, as people call. */
async function everySo(ms: number, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (let round = 0; !signal.aborted; round++) {
    await Promise.all([work(), new Promise((resolve) => setTimeout(resolve, ms * (0.5 + ((round * 7) % 10) / 10)))]);
  }
}
