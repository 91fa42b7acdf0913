/**
 * Asks another OpenFaaS-compatible server what the benchmark asks berth: peer-program.ts URL [IMAGE]. The URL holds user and
 * password. Without an image the server is given one of a registry on 127.0.0.1. A message in is what to do, one out that
 * it is done.
 */
import { until } from '../helpers/poll.ts';
import { startRegistry } from '../helpers/registry.ts';
import { timed } from './figures.ts';
import { benchImage, untilAnswers } from './world.ts';

export type PeerCommand = 'prepare' | 'live';

export interface PeerAnswer {
  /** Of the function. */
  url: string;
  took: [what: string, ms: number][];
}

const { username, password, origin } = new URL(process.argv[2] ?? '');
const authorization = `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`;
const service = 'bench';
const functionUrl = (name: string) => `${origin}/function/${name}`;

async function ask(method: string, path: string, body?: object): Promise<string> {
  const headers = { authorization, 'content-type': 'application/json' };
  const response = await fetch(origin + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text;
}

async function deployed(name: string, image: string): Promise<void> {
  await ask('POST', '/system/functions', { service: name, image });
  await untilAnswers(functionUrl(name));
}

async function removed(name: string): Promise<void> {
  await ask('DELETE', '/system/functions', { functionName: name });
  const listed = async () => JSON.parse(await ask('GET', '/system/functions')) as { name: string }[] | null;
  await until(async () => !(await listed())?.some((one) => one.name === name), {
    timeoutMs: 60_000,
    message: 'its removal',
  });
}

async function live(image: string, round: number): Promise<PeerAnswer['took']> {
  const deploy = await timed(() => deployed('bench-new', image));
  const VERSION = `version-${round}`;
  const update = await timed(async () => {
    await ask('PUT', '/system/functions', { service: 'bench-new', image, envVars: { VERSION } });
    await untilAnswers(functionUrl('bench-new'), (text) => text === VERSION);
  });
  await ask('POST', '/system/scale-function/bench-new', { serviceName: 'bench-new', replicas: 0 });
  await until(async () => availableOf(await ask('GET', '/system/function/bench-new')) === 0, { message: 'its sleep' });
  const wake = await timed(() => untilAnswers(functionUrl('bench-new')));
  await removed('bench-new');
  return [
    ['deploy to first 200', deploy],
    ['update, answered by the new version', update],
    ['wake, cold', wake],
  ];
}

function availableOf(status: string): number {
  return (JSON.parse(status) as { availableReplicas?: number }).availableReplicas ?? 0;
}

const registry = process.argv[3] ? undefined : await startRegistry();
const image = registry ? await benchImage(registry) : (process.argv[3] ?? '');
let round = 0;

async function answer(command: PeerCommand): Promise<PeerAnswer> {
  if (command === 'prepare') await deployed(service, image);
  const took = command === 'live' ? await live(image, (round += 1)) : [];
  return { url: functionUrl(service), took };
}

await ask('GET', '/system/info');
process.on('message', (command: PeerCommand) => void answer(command).then((done) => process.send?.(done)));
process.once('SIGTERM', () => {
  process.disconnect?.();
  const gone = ask('DELETE', '/system/functions', { functionName: service }).catch(() => undefined);
  void gone.then(() => registry?.stop());
});
process.send?.({ url: functionUrl(service), took: [] } satisfies PeerAnswer);
