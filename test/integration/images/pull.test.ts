import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isNotFound } from '../../../src/containerd/index.ts';
import { RegistryError } from '../../../src/registry/index.ts';
import { startContainerd, type TestContainerd } from '../../helpers/containerd.ts';
import { buildImage, type ImageOptions, type Layer } from '../../helpers/images.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry, type TestRegistry } from '../../helpers/registry.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { type ImagesUnderTest, imagesOn, recordedLog } from './setup.ts';

let daemon: TestContainerd;
let registry: TestRegistry;
let under: ImagesUnderTest;
const log = recordedLog();

test.before(async () => {
  [daemon, registry] = await Promise.all([startContainerd(), startRegistry()]);
  under = await imagesOn(daemon.address, { log });
});
test.after.always(async () => {
  await under?.close();
  await Promise.all([daemon?.stop(), registry?.stop()]);
});

const snapshotter = 'overlayfs';

function build(name: string, options: Partial<ImageOptions> = {}) {
  return buildImage({ registry, name, layers: [{ [`${name}-1`]: '1' }, { [`${name}-2`]: '2' }], ...options });
}

/** Where a file of an unpacked image is, found through a snapshot on it. */
async function fileInImage(namespace: string, chainId: string, path: string): Promise<string> {
  const { snapshots, leases } = under.containerd.namespace(namespace);
  const lease = await leases.create();
  const key = `look-${randomBytes(4).toString('hex')}`;
  const leased = under.containerd.namespace(namespace).withLease(lease.id);
  const [mount] = await leased.snapshots.prepare({ snapshotter, key, parent: chainId });
  try {
    const { options = [], source = '' } = mount ?? {};
    // The lowest layers come last.
    const lower = options.find((option) => option.startsWith('lowerdir='))?.slice('lowerdir='.length) ?? source;
    const found = lower.split(':').find((folder) => existsSync(join(folder, path)));
    if (found === undefined) throw new Error(`no ${path} in ${chainId}`);
    return join(found, path);
  } finally {
    await snapshots.remove({ snapshotter, key });
    await leases.delete(lease.id);
  }
}

async function readInImage(namespace: string, chainId: string, path: string): Promise<string> {
  return readFile(await fileInImage(namespace, chainId, path), 'utf8');
}

async function snapshotCount(namespace: string): Promise<number> {
  const [, ...lines] = (await daemon.ctr('-n', namespace, 'snapshots', 'list')).trim().split('\n');
  return lines.length;
}

async function blobReads(name: string): Promise<string[]> {
  return (await registry.requests()).filter((line) => line.startsWith(`GET /v2/${name}/blobs/`));
}

test('an image is pulled, unpacked and recorded by its tag and by its digest', async (t) => {
  const built = await build('plain', { config: { Cmd: ['/run'], Env: ['A=b'], User: '1000' } });
  const image = await under.images.ensure('plain', built.reference);
  t.like(image, { name: built.reference, digest: built.digest, manifestDigest: built.digest });
  t.deepEqual(image.config.config, { Cmd: ['/run'], Env: ['A=b'], User: '1000' });
  t.is(await readInImage('plain', image.chainId, 'plain-1'), '1');
  t.is(await readInImage('plain', image.chainId, 'plain-2'), '2');
  const [repository] = built.reference.split(':latest');
  const names = (await under.images.list('plain')).map(({ name }) => name).sort();
  t.deepEqual(names, [built.reference, `${repository}@${built.digest}`]);
  t.deepEqual(await under.containerd.namespace('plain').leases.list(), []);
  t.true(log.lines.some((line) => line.includes('pulled image') && line.includes(`sizeBytes=${image.sizeBytes}`)));
});

for (const compression of ['zstd', 'none'] as const) {
  for (const mediaTypes of ['oci', 'docker'] as const) {
    test(`layers may be ${compression}, in ${mediaTypes} types`, async (t) => {
      const name = `${compression}-${mediaTypes}`;
      const built = await build(name, { compression, mediaTypes });
      const image = await under.images.ensure('compression', built.reference);
      t.is(await readInImage('compression', image.chainId, `${name}-1`), '1');
    });
  }
}

test("containerd's own client finds the image complete and unpacked", async (t) => {
  const built = await build('checked');
  await under.images.ensure('checked', built.reference);
  const check = await daemon.ctr('-n', 'checked', 'images', 'check', `name==${built.reference}`);
  t.regex(check, /complete \(3\/3\).*true/);
});

test('an index gives the entry for this host', async (t) => {
  const built = await build('multi', { platforms: ['linux/s390x', 'linux/arm/v7', 'linux/amd64', 'linux/arm64'] });
  const image = await under.images.ensure('multi', built.reference);
  t.is(image.digest, built.digest);
  t.not(image.manifestDigest, built.digest);
  t.is(image.config.architecture, process.arch === 'x64' ? 'amd64' : 'arm64');
});

test('the index decides for which platform an image is, whatever its config says', async (t) => {
  const host = `linux/${process.arch === 'x64' ? 'amd64' : 'arm64'}`;
  const built = await build('mislabelled', { platforms: ['linux/s390x', host], configPlatform: 'linux/s390x' });
  const image = await under.images.ensure('mislabelled', built.reference);
  t.is(await readInImage('mislabelled', image.chainId, 'mislabelled-1'), '1');
  t.deepEqual((await under.images.present('mislabelled', built.reference, built.digest))?.platform, image.platform);
});

test('an image pushed by Docker 1.10, whose config has no type of its own, is pulled', async (t) => {
  const built = await build('old', { mediaTypes: 'docker', configType: 'application/octet-stream' });
  const image = await under.images.ensure('old', built.reference);
  t.is(await readInImage('old', image.chainId, 'old-1'), '1');
});

test('what is here is not fetched again', async (t) => {
  const built = await build('again');
  const first = await under.images.ensure('again', built.reference, 'Always');
  const before = (await registry.requests()).length;
  t.deepEqual(await under.images.ensure('again', built.reference, 'Always'), first);
  await under.images.ensure('again', built.reference, 'IfNotPresent');
  await under.images.ensure('again', built.reference, 'Never');
  t.deepEqual(
    (await registry.requests()).slice(before).filter((line) => line.includes('/again/')),
    ['HEAD /v2/again/manifests/latest'],
  );
});

test('a second namespace takes the layers from the first and unpacks them for itself', async (t) => {
  const built = await build('shared');
  const first = await under.images.ensure('shared-a', built.reference);
  t.is((await blobReads('shared')).length, 3);
  const second = await under.images.ensure('shared-b', built.reference);
  t.deepEqual(second, first);
  // The config is read to be understood before containerd is asked for it.
  t.deepEqual((await blobReads('shared')).slice(3), [`GET /v2/shared/blobs/${first.configDigest}`]);
  t.is(await readInImage('shared-b', second.chainId, 'shared-1'), '1');
});

test('deploys of one image at once pull and unpack it once', async (t) => {
  const built = await build('once');
  const ensured = Promise.all(Array.from({ length: 5 }, () => under.images.ensure('once', built.reference)));
  const told = () => under.images.pulls().filter(({ namespace }) => namespace === 'once');
  const started = () => told().some(({ totalBytes }) => totalBytes > 0);
  const [pull, ...others] = await until(() => (started() ? told() : undefined), { intervalMs: 1 });
  t.like([others, pull], [[], { image: built.reference }]);
  t.true(pull && pull.bytes <= pull.totalBytes, 'all five wait for one pull, which is told once');
  const images = await ensured;
  t.deepEqual(told(), []);
  t.is(new Set(images.map(({ chainId }) => chainId)).size, 1);
  t.is((await blobReads('once')).length, 3);
  t.is(await snapshotCount('once'), 2);
});

test('images on one base pull and unpack it once, side by side', async (t) => {
  const base = { base: randomBytes(2_000_000) };
  const names = ['on-base-a', 'on-base-b', 'on-base-c'];
  const built = await Promise.all(names.map((name) => build(name, { layers: [base, { [name]: '1' }] })));
  const images = await Promise.all(built.map(({ reference }) => under.images.ensure('base', reference)));
  const baseReads = (await registry.requests()).filter((line) => line.endsWith(`/blobs/${built[0]?.layerDigests[0]}`));
  t.is(baseReads.filter((line) => line.startsWith('GET')).length, 1);
  t.is(await snapshotCount('base'), 4);
  for (const [i, name] of names.entries()) t.is(await readInImage('base', images[i]?.chainId ?? '', name), '1');
});

test('layers that are unpacked already are not fetched in another compression', async (t) => {
  const layers: Layer[] = [{ common: '1' }, { file: '2' }];
  const gzip = await build('packed-gzip', { layers });
  const plain = await build('packed-plain', { layers, compression: 'none' });
  const first = await under.images.ensure('packed', gzip.reference);
  const second = await under.images.ensure('packed', plain.reference);
  t.not(second.digest, first.digest);
  t.is(second.chainId, first.chainId);
  t.deepEqual(await blobReads('packed-plain'), []);
});

test('an unpacked image outlives every garbage collection until its records go', async (t) => {
  const built = await build('kept');
  const other = await build('kept-other');
  const image = await under.images.ensure('kept', built.reference);
  await under.images.ensure('kept', other.reference);
  const client = under.containerd.namespace('kept');
  await client.images.delete(other.reference, { sync: true });
  await t.notThrowsAsync(client.snapshots.stat({ snapshotter, key: image.chainId }));
  t.deepEqual(await under.images.present('kept', built.reference, built.digest), {
    ...image,
    name: built.reference.replace(':latest', `@${built.digest}`),
  });
  for (const { name } of await under.images.list('kept')) await under.images.remove('kept', name);
  const lease = await client.leases.create();
  await client.leases.delete(lease.id, { sync: true });
  await t.throwsAsync(client.snapshots.stat({ snapshotter, key: image.chainId }), { instanceOf: Error });
  t.is(await under.images.present('kept', built.reference, built.digest), undefined);
  await t.notThrowsAsync(under.images.remove('kept', built.reference));
});

test('a tag that moves leaves the old image to those who know its digest', async (t) => {
  const old = await build('moving', { layers: [{ version: 'old' }] });
  const before = await under.images.ensure('moving', old.reference);
  const moved = await build('moving', { layers: [{ version: 'new' }] });
  const after = await under.images.ensure('moving', moved.reference);
  t.is(after.digest, moved.digest);
  t.is(await readInImage('moving', after.chainId, 'version'), 'new');
  const lease = await under.containerd.namespace('moving').leases.create();
  await under.containerd.namespace('moving').leases.delete(lease.id, { sync: true });
  const kept = await under.images.present('moving', old.reference, old.digest);
  t.is(kept?.chainId, before.chainId);
  t.is(await readInImage('moving', before.chainId, 'version'), 'old');
});

test('an image of a digest is pulled by it', async (t) => {
  const built = await build('pinned');
  await build('pinned', { layers: [{ other: '1' }] });
  const reference = built.reference.replace(':latest', `@${built.digest}`);
  const image = await under.images.ensure('pinned', reference);
  t.like(image, { name: reference, digest: built.digest });
  await under.images.ensure('pinned', reference);
  t.is((await registry.requests()).filter((line) => line.startsWith('HEAD /v2/pinned/manifests/sha256')).length, 1);
});

test('a record without its layers counts as not pulled', async (t) => {
  const built = await build('emptied');
  const image = await under.images.ensure('emptied', built.reference);
  const client = under.containerd.namespace('emptied');
  await client.snapshots.remove({ snapshotter, key: image.chainId });
  t.is(await under.images.present('emptied', built.reference, built.digest), undefined);
  const reads = await blobReads('emptied');
  t.deepEqual(await under.images.ensure('emptied', built.reference, 'Never'), image);
  t.is(await readInImage('emptied', image.chainId, 'emptied-2'), '2');
  t.deepEqual(await blobReads('emptied'), reads);
});

test('an image that another client has pulled without unpacking is unpacked, whatever the policy', async (t) => {
  const built = await build('fetched');
  await daemon.ctr('-n', 'fetched', 'content', 'fetch', '--plain-http', built.reference);
  const image = await under.images.ensure('fetched', built.reference, 'Never');
  t.is(await readInImage('fetched', image.chainId, 'fetched-1'), '1');
  const [record] = (await under.images.list('fetched')).filter(({ name }) => name === built.reference);
  t.is(record?.labels['com.openfaas.berth.image'], undefined);
});

test('a cut line costs no byte twice', async (t) => {
  await using proxy = await startCuttingProxy(registry);
  const built = await build('cut', { layers: [{ big: randomBytes(6_000_000) }] });
  proxy.bytesPerAnswer = 2_500_000;
  const image = await under.images.ensure('cut', built.reference.replace(registry.host, proxy.host));
  t.is(image.digest, built.digest);
  const offsets = proxy.requests.filter((line) => line.includes(built.layerDigests[0] ?? '?')).map(offsetOf);
  t.deepEqual(offsets, [0, 2_500_000, 5_000_000]);
});

test('a pull that failed goes on where it stopped', async (t) => {
  await using proxy = await startCuttingProxy(registry);
  const built = await build('resumed', { layers: [{ big: randomBytes(6_000_000) }] });
  const reference = built.reference.replace(registry.host, proxy.host);
  const layer = built.layerDigests[0] ?? '?';
  const stop = new AbortController();
  proxy.bytesPerAnswer = 2_500_000;
  const failing = under.images.ensure('resumed', reference, undefined, { signal: stop.signal });
  // The second request for the layer says that what the first gave has arrived.
  const poll = setInterval(() => {
    if (proxy.requests.filter((line) => line.includes(layer)).length > 1) stop.abort();
  }, 5);
  await t.throwsAsync(failing, { instanceOf: Error });
  clearInterval(poll);
  const before = proxy.requests.length;
  proxy.bytesPerAnswer = Infinity;
  await under.images.ensure('resumed', reference);
  const [offset = 0] = proxy.requests
    .slice(before)
    .filter((line) => line.includes(layer))
    .map(offsetOf);
  t.true(offset >= 2_000_000, `went on at ${offset}`);
  t.deepEqual(await under.containerd.namespace('resumed').leases.list(), []);
});

test('bad bytes that an earlier pull left are thrown away', async (t) => {
  const built = await build('spoiled', { layers: [{ big: randomBytes(100_000) }] });
  const [digest = ''] = built.layerDigests;
  const response = await registry.fetch(`/v2/spoiled/blobs/${digest}`, 'repository:spoiled:pull');
  const total = (await response.arrayBuffer()).byteLength;
  const writer = await under.containerd
    .namespace('spoiled')
    .content.openWriter({ ref: `layer-${digest}`, total, expected: digest });
  await writer.write(Buffer.alloc(50_000, 'x'));
  await writer.close();
  const image = await under.images.ensure('spoiled', built.reference);
  t.is(image.digest, built.digest);
  const reads = (await blobReads('spoiled')).filter((line) => line.includes(digest));
  t.is(reads.length, 3);
});

const offsetOf = (line: string) => Number(line.split('@').at(-1));

test('an unknown tag is told as not found', async (t) => {
  const error = await t.throwsAsync(under.images.ensure('errors', `${registry.host}/absent:v1`), {
    instanceOf: RegistryError,
  });
  t.is(error?.kind, 'not-found');
});

test('an image for another platform is refused before its layers are fetched', async (t) => {
  const built = await build('foreign', { platforms: ['linux/s390x'] });
  const error = await t.throwsAsync(under.images.ensure('errors', built.reference), { instanceOf: RegistryError });
  t.is(error?.kind, 'platform');
  t.regex(error?.message ?? '', /has linux\/s390x; this host is linux\/\w+: build it with --platform/);
  t.is((await blobReads('foreign')).length, 1);
});

test('an index without this platform is refused', async (t) => {
  const built = await build('foreign-index', { platforms: ['linux/s390x', 'linux/ppc64le'] });
  const error = await t.throwsAsync(under.images.ensure('errors', built.reference), { instanceOf: RegistryError });
  t.is(error?.kind, 'platform');
});

test('what is no image is refused', async (t) => {
  const config = { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: `sha256:${'0'.repeat(64)}`, size: 2 };
  const built = await build('chart');
  const found = await registry.fetch('/v2/chart/manifests/latest', 'repository:chart:pull', {
    headers: { accept: 'application/vnd.oci.image.manifest.v1+json' },
  });
  const manifest = (await found.json()) as { config: { digest: string } };
  const body = JSON.stringify({ ...manifest, config: { ...config, digest: manifest.config.digest } });
  const headers = { 'content-type': 'application/vnd.oci.image.manifest.v1+json' };
  const put = await registry.fetch('/v2/chart/manifests/chart', 'repository:chart:pull,push', {
    method: 'PUT',
    body,
    headers,
  });
  t.is(put.status, 201);
  const reference = built.reference.replace(':latest', ':chart');
  const error = await t.throwsAsync(under.images.ensure('errors', reference), { instanceOf: RegistryError });
  t.is(error?.kind, 'not-an-image');
});

test('an absent image with policy Never is told as such', async (t) => {
  await t.throwsAsync(under.images.ensure('errors', `${registry.host}/fn:v1`, 'Never'), {
    message: /is not present and pull policy is Never: pull it into containerd's namespace errors/,
  });
});

test('with the registry down the image that is present serves, unless a pull was demanded', async (t) => {
  const proxy = await startCuttingProxy(registry);
  const built = await build('down');
  const reference = built.reference.replace(registry.host, proxy.host);
  const image = await under.images.ensure('down', reference);
  await proxy[Symbol.asyncDispose]();
  t.deepEqual(await under.images.ensure('down', reference), image);
  t.true(log.lines.some((line) => line.includes('using the image that is present') && line.includes(reference)));
  for (const [ref, policy] of [
    [reference, 'Always'],
    [reference.replace('/down', '/never-seen'), undefined],
  ] as const) {
    const error = await t.throwsAsync(under.images.ensure('down', ref, policy), { instanceOf: RegistryError });
    t.is(error?.kind, 'unreachable');
  }
});

test('images that no function uses go, those of others and of deploys under way stay', async (t) => {
  const [used, unused, others] = await Promise.all(['used', 'unused', 'others'].map((name) => build(name)));
  const world = await imagesOn(daemon.address);
  const { images } = world;
  await images.ensure('sweep', used?.reference ?? '');
  await images.ensure('sweep', unused?.reference ?? '');
  await daemon.ctr('-n', 'sweep', 'content', 'fetch', '--plain-http', others?.reference ?? '');
  const keep = [{ image: used?.reference ?? '', digest: used?.digest }];
  await images.removeUnused('sweep', () => [...keep, { image: unused?.reference ?? '' }]);
  t.is((await images.list('sweep')).length, 5);
  await images.removeUnused('sweep', () => keep);
  const names = (await images.list('sweep')).map(({ name }) => name.split('@')[0] ?? '').sort();
  t.deepEqual(names, [others?.reference, used?.reference.replace(':latest', ''), used?.reference]);
  await world.close();
});

test('a pull that was stopped leaves nothing that looks pulled', async (t) => {
  const built = await build('stopped', { layers: [{ big: randomBytes(2_000_000) }] });
  const signal = AbortSignal.abort(new Error('shutting down'));
  await t.throwsAsync(under.images.ensure('stopped', built.reference, undefined, { signal }), { instanceOf: Error });
  t.deepEqual(await under.images.list('stopped'), []);
  const { images } = under.containerd.namespace('stopped');
  t.true(isNotFound(await images.get(built.reference).catch((error: unknown) => error)));
});

test('an image whose removal is under way is whole for whoever asks for it in that moment', async (t) => {
  const { images } = under;
  const namespace = 'wanted-again';
  const { reference } = await build(namespace);
  for (let round = 0; round < 20; round++) {
    await images.ensure(namespace, reference, 'IfNotPresent');
    let asked: Promise<unknown> | undefined;
    const used = () => {
      if (asked) return [{ image: reference }];
      queueMicrotask(() => void (asked = images.ensure(namespace, reference, 'IfNotPresent')));
      return [];
    };
    await images.removeUnused(namespace, used);
    await asked;
    t.true(
      (await images.list(namespace)).some(({ name }) => name === reference),
      `round ${round}`,
    );
  }
});

test('layers that a power cut may have left empty are unpacked again, and not downloaded again', async (t) => {
  const namespace = 'power-cut';
  await using proxy = await startCuttingProxy(registry);
  const built = await build(namespace, { layers: [{ first: '1' }, { second: randomBytes(3_000_000) }] });
  const reference = built.reference.replace(registry.host, proxy.host);
  const pull = async (boot: string, signal?: AbortSignal) => {
    const own = await imagesOn(daemon.address, { boot });
    return own.images.ensure(namespace, reference, undefined, { signal }).finally(() => own.close());
  };
  const stop = new AbortController();
  proxy.bytesPerAnswer = 300_000;
  proxy.isSilent = true;
  const cut = pull('before', stop.signal);
  const committed = async () =>
    / (?<name>sha256:\S+) .*Committed/.exec(
      ` ${await daemon.ctr('-n', namespace, 'snapshots', 'list')}`.replaceAll('\n', '\n '),
    );
  const first = await until(async () => (await committed())?.groups?.['name'], { message: 'the first layer' });
  stop.abort();
  await t.throwsAsync(cut, { instanceOf: Error });
  await writeFile(await fileInImage(namespace, first, 'first'), '');
  // As another client's image with that layer would.
  const { leases } = under.containerd.namespace(namespace);
  const other = await leases.create();
  await leases.addResource(other.id, { id: first, type: `snapshots/${snapshotter}` });
  proxy.bytesPerAnswer = Infinity;
  const image = await pull('after');
  t.is(await readInImage(namespace, image.chainId, 'first'), '1');
  t.is(proxy.requests.filter((line) => line.includes(built.layerDigests[0] ?? '?')).length, 1);
  t.deepEqual(
    (await leases.list()).map(({ id }) => id),
    [other.id],
  );
});
