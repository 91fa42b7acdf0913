import test from 'ava';
import { parseImageConfig, parseManifest, RegistryError } from '../../../src/registry/index.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest, size: 10 };
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: 20 };

const parse = (document: unknown, mediaType = manifestType) =>
  parseManifest(Buffer.from(JSON.stringify(document)), mediaType, 'fn:v1');

test('a manifest gives config and layers, whatever else it says', (t) => {
  const document = parse({ schemaVersion: 2, config: { ...config, data: 'e30=' }, layers: [layer], subject: null });
  t.deepEqual(document, { kind: 'manifest', manifest: { config, layers: [layer] } });
});

test("Docker's own media types are the same to it", (t) => {
  const types = {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  };
  const document = { config: { ...config, mediaType: types.config }, layers: [{ ...layer, mediaType: types.layer }] };
  t.is(parse(document, types.manifest).kind, 'manifest');
  t.is(parse({ manifests: [] }, 'application/vnd.docker.distribution.manifest.list.v2+json').kind, 'index');
});

test('an entry of an index whose platform has no names has none', (t) => {
  const entry = { ...config, mediaType: manifestType };
  const manifests = [
    { ...entry, platform: {} },
    { ...entry, platform: null },
    { ...entry, platform: { os: 'linux' } },
  ];
  t.like(parse({ manifests }, indexType), {
    index: { manifests: [{ platform: undefined }, { platform: undefined }, { platform: { os: 'linux' } }] },
  });
});

test('a config of a type that says nothing is read as what the layers beside it need', (t) => {
  const docker = { ...layer, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' };
  for (const mediaType of ['application/octet-stream', 'application/json', 'text/html', 'text/plain', '']) {
    const document = { config: { ...config, mediaType }, layers: [docker] };
    t.is(parse(document, 'application/vnd.docker.distribution.manifest.v2+json').kind, 'manifest', mediaType);
  }
});

const refused: [string, unknown, string, RegExp][] = [
  ['schema 1 by its type', {}, 'application/vnd.docker.distribution.manifest.v1+prettyjws', /rebuild the image/],
  ['schema 1 by its content', { schemaVersion: 1, fsLayers: [] }, 'application/json', /rebuild the image/],
  [
    'a Helm chart',
    { config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } },
    manifestType,
    /artifact of type "application\/vnd.cncf.helm/,
  ],
  [
    'an artifact with a config of no type',
    { config: { ...config, mediaType: 'application/octet-stream' }, layers: [{ ...layer, mediaType: 'text/plain' }] },
    manifestType,
    /no file system/,
  ],
  [
    "an artifact in an image's clothes",
    { config, layers: [{ ...layer, mediaType: 'text/plain' }] },
    manifestType,
    /no file system/,
  ],
  ['an image without layers', { config, layers: [] }, manifestType, /has no layers/],
  ['a manifest with the parts of an index', { config, layers: [layer], manifests: [] }, manifestType, /contradicts/],
  ['an index with the parts of a manifest', { manifests: [], layers: [layer] }, indexType, /contradicts/],
  ['an unknown media type', {}, 'application/json', /media type is "application\/json"/],
  [
    'a digest that is a path',
    { config: { ...config, digest: 'sha256:../../x' }, layers: [layer] },
    manifestType,
    /malformed: config.digest is no sha256/,
  ],
  ['an empty blob', { config, layers: [{ ...layer, size: 0 }] }, manifestType, /malformed: layers.0.size: /],
  ['a negative size', { config: { ...config, size: -1 }, layers: [layer] }, manifestType, /malformed: config.size: /],
  ['no object', 'text', manifestType, /malformed: the root: /],
];

for (const [what, document, mediaType, message] of refused) {
  test(`${what} is refused by name`, (t) => {
    const error = t.throws(() => parse(document, mediaType), { instanceOf: RegistryError, message });
    t.is(error.kind, 'not-an-image');
    t.regex(error.message, /fn:v1/);
  });
}

test('a body that is not JSON is refused', (t) => {
  t.throws(() => parseManifest(Buffer.from('<html>'), manifestType, 'fn:v1'), { message: /of fn:v1 is not JSON/ });
});

test('every optional part of a config may be absent or null', (t) => {
  const rootfs = { type: 'layers', diff_ids: [digest] };
  const full = { os: 'linux', architecture: 'amd64', config: { Env: null, Cmd: ['a'], User: '1000' }, rootfs };
  t.like(parseImageConfig(Buffer.from(JSON.stringify(full)), 'fn'), {
    config: { Env: null, Cmd: ['a'], User: '1000' },
  });
  t.is(parseImageConfig(Buffer.from(JSON.stringify({ rootfs, config: null })), 'fn').config, null);
});

test('what old and odd builders write beside that is no reason to refuse an image', (t) => {
  const parse = (rest: object) => parseImageConfig(Buffer.from(JSON.stringify(rest)), 'fn:v1');
  const rootfs = { diff_ids: [digest] };
  t.like(parse({ os: null, architecture: null, variant: null, rootfs }), { os: '', architecture: '' });
  const config = { Cmd: ['x'], Labels: { a: null, b: 1 }, ExposedPorts: { '80': null }, Volumes: { '/data': null } };
  t.deepEqual(parse({ os: 'linux', config, rootfs: { ...rootfs, type: '' }, history: 'none' }).config?.Cmd, ['x']);
});

test('an index whose platforms and annotations are null has none', (t) => {
  const entry = { ...config, mediaType: manifestType, platform: { os: null, architecture: null }, annotations: null };
  const document = parse(
    { manifests: [entry, { ...entry, annotations: { a: null } }], annotations: 'none' },
    indexType,
  );
  t.like(document, { index: { manifests: [{ platform: undefined }, { platform: undefined }] } });
});

test('a config whose layers are not named is refused', (t) => {
  t.throws(() => parseImageConfig(Buffer.from('{}'), 'fn'), { message: /configuration of fn is malformed: rootfs: / });
});
