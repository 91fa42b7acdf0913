import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from './cache.ts';
import {
  buildImage,
  type ImageOptions,
  type ImageProcess,
  type ImageRegistry,
  type Layer,
  type TestImage,
} from './images.ts';
import { run } from './processes.ts';

const userFiles: Layer = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n',
  'etc/group': 'root:x:0:\napp:x:1000:\nextra:x:2000:app\n',
  'home/app': { directory: true, uid: 1000, gid: 1000 },
  tmp: { directory: true, mode: 0o1777 },
};

export interface FunctionImageOptions extends Partial<Omit<ImageOptions, 'registry' | 'config' | 'layers'>> {
  /** `NAME=value`; see test/fixtures/function.c for what the function makes of them. */
  env?: string[];
  /** Default `app` (uid 1000). */
  user?: string;
  /** Further parts of the image's configuration. */
  config?: ImageProcess;
  /** Layers on top of the function's. */
  layers?: Layer[];
}

/** Pushes an image with the HTTP function of test/fixtures/function.c. Its default name is fn:latest. */
export async function functionImage(registry: ImageRegistry, options: FunctionImageOptions = {}): Promise<TestImage> {
  const { name = 'fn', env = [], user = 'app', config, layers = [], ...rest } = options;
  const binary = await functionProgram();
  return buildImage({
    ...rest,
    registry,
    name,
    layers: [userFiles, { function: { content: binary, mode: 0o755 } }, ...layers],
    config: { Entrypoint: ['/function'], User: user, Env: [`PATH=/bin`, ...env], ...config },
  });
}

/** The program of test/fixtures/function.c. */
export async function functionProgram(): Promise<Buffer> {
  return readFile(await compile('function.c'));
}

/** Pushes an image with busybox and all its applets. By default it serves /www over HTTP on port 8080. */
export async function busyboxImage(registry: ImageRegistry, options: FunctionImageOptions = {}): Promise<TestImage> {
  const { name = 'busybox', env = [], user = '', config, layers = [], ...rest } = options;
  return buildImage({
    ...rest,
    registry,
    name,
    layers: [userFiles, await busyboxLayer(), ...layers],
    config: {
      Cmd: ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/www'],
      User: user,
      Env: ['PATH=/usr/bin:/bin', ...env],
      ...config,
    },
  });
}

/** Pushes an image as OpenFaaS's templates make them: busybox and the stand-in for the watchdogs (test/fixtures/watchdog), which
 * needs `fprocess`. Its default name is functions/alpine:latest. test/helpers/go-tools.sh compiles what is in it.
 */
export async function watchdogImage(registry: ImageRegistry, options: FunctionImageOptions = {}): Promise<TestImage> {
  const { name = 'functions/alpine', config, layers = [], ...rest } = options;
  const watchdog: Layer = { 'usr/bin/fwatchdog': { content: await goProgram('fwatchdog'), mode: 0o755 } };
  return busyboxImage(registry, {
    user: 'app',
    ...rest,
    name,
    layers: [watchdog, ...layers],
    config: { Cmd: ['fwatchdog'], ...config },
  });
}

/** Pushes an image whose function, a server behind the watchdog, redirects every caller to `$destination`. */
export async function redirectorImage(registry: ImageRegistry): Promise<TestImage> {
  return watchdogImage(registry, {
    name: 'functions/redirector',
    env: ['mode=http', 'upstream_url=http://127.0.0.1:8082'],
    config: { WorkingDir: '/home/app' },
    layers: [{ 'home/app/handler': { content: await goProgram('redirector'), mode: 0o755 } }],
  });
}

function goProgram(name: string): Promise<Buffer> {
  return readFile(join(cacheFolder, 'go-bin', name));
}

async function busyboxLayer(): Promise<Layer> {
  const layer: Layer = {
    'bin/busybox': { content: await readFile('/bin/busybox'), mode: 0o755 },
    'www/index.html': 'busybox\n',
  };
  const { stdout } = await run('/bin/busybox', ['--list']);
  for (const applet of stdout.trim().split('\n'))
    if (applet !== 'busybox') layer[`bin/${applet}`] = { link: 'busybox' };
  return layer;
}

/** Pushes an image with the process that holds a Pod's namespaces, pause:1. */
export async function pauseImage(registry: ImageRegistry): Promise<TestImage> {
  const layers = [{ pause: { content: await readFile(await compile('pause.c')), mode: 0o755 } }];
  const config = { Entrypoint: ['/pause'], User: '65535:65535' };
  return buildImage({ registry, name: 'pause', tag: '1', layers, config });
}

/** Pushes an image for linux/386 with the function of test/fixtures/function-386.c. Only hosts of amd64 run it. */
export async function image386(registry: ImageRegistry): Promise<TestImage> {
  const flags = ['-m32', '-nostdlib', '-ffreestanding', '-fno-pie', '-no-pie', '-fno-stack-protector'];
  const binary = await readFile(await compile('function-386.c', flags));
  const layers = [{ function: { content: binary, mode: 0o755 } }];
  const config = { Entrypoint: ['/function'], User: '1000' };
  return buildImage({ registry, name: 'fn386', platforms: ['linux/386'], layers, config });
}

/** The path of the static binary, compiled once for each content of its source. */
async function compile(fixture: string, flags = ['-pthread']): Promise<string> {
  const source = join(import.meta.dirname, '../fixtures', fixture);
  const version = createHash('sha256')
    .update(await readFile(source))
    .digest('hex')
    .slice(0, 12);
  const binary = join(cacheFolder, 'fixtures', `${fixture}-${version}`);
  if (existsSync(binary)) return binary;
  await mkdir(join(cacheFolder, 'fixtures'), { recursive: true });
  // Suites beside each other have processes of the same number.
  const temporary = `${binary}.${randomUUID()}`;
  await run('gcc', ['-static', '-s', '-O2', '-Wall', '-o', temporary, source, ...flags]);
  await rename(temporary, binary);
  return binary;
}
