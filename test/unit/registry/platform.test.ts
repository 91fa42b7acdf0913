import test from 'ava';
import {
  checkPlatform,
  choosePlatform,
  formatPlatform,
  hostPlatform,
  type Platform,
} from '../../../src/registry/index.ts';

const amd64 = hostPlatform('x64');
const arm64 = hostPlatform('arm64');
const armV6 = hostPlatform('armv6l');

function indexOf(...platforms: (Platform | undefined)[]) {
  const entry = (platform: Platform | undefined, i: number) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${i.toString(16).padStart(64, '0')}`,
    size: 1,
    platform,
  });
  return { manifests: platforms.map(entry) };
}

function chosen(host: Platform, ...platforms: (Platform | undefined)[]): number {
  return Number.parseInt(choosePlatform(indexOf(...platforms), host, 'fn').digest.slice('sha256:'.length), 16);
}

const linux = (architecture: string, variant?: string): Platform => ({ os: 'linux', architecture, variant });

test('platforms have one spelling', (t) => {
  t.is(formatPlatform(linux('x86_64')), 'linux/amd64');
  t.is(formatPlatform(linux('amd64', 'v1')), 'linux/amd64');
  t.is(formatPlatform(linux('aarch64')), 'linux/arm64');
  t.is(formatPlatform(linux('arm64', '8')), 'linux/arm64');
  t.is(formatPlatform(linux('arm64', 'v8.0')), 'linux/arm64');
  t.is(formatPlatform(linux('armhf')), 'linux/arm/v7');
  t.is(formatPlatform(linux('armel')), 'linux/arm/v6');
  t.is(formatPlatform(linux('arm')), 'linux/arm/v7');
  t.is(formatPlatform({ os: 'Linux', architecture: 'AMD64' }), 'linux/amd64');
});

test('a host is known by the name its kernel gives it, and by the one Node gives it', (t) => {
  const names = { x86_64: 'amd64', x64: 'amd64', aarch64: 'arm64', arm64: 'arm64', armv7l: 'arm/v7', armv6l: 'arm/v6' };
  for (const [machine, name] of Object.entries({ ...names, arm: 'arm/v7', i686: '386', riscv64: 'riscv64' })) {
    t.is(formatPlatform(hostPlatform(machine)), `linux/${name}`);
  }
});

test('a host takes its own architecture wherever it stands in the index', (t) => {
  t.is(chosen(amd64, linux('arm64'), linux('386'), linux('amd64')), 2);
  t.is(chosen(arm64, linux('arm', 'v7'), linux('arm64', 'v8'), linux('amd64')), 1);
});

test('a build for newer amd64 processors is taken where there is no plain one', (t) => {
  t.is(chosen(amd64, linux('386'), linux('amd64', 'v3'), linux('amd64', 'v2')), 2);
  t.is(chosen(amd64, linux('amd64', 'v3'), linux('amd64')), 1);
});

test('a 64-bit ARM host falls back to the newest 32-bit variant', (t) => {
  t.is(chosen(arm64, linux('arm', 'v6'), linux('arm', 'v7'), linux('amd64')), 1);
});

test('a 32-bit ARM host never takes a newer variant than its own', (t) => {
  t.is(chosen(armV6, linux('arm', 'v7'), linux('arm', 'v5'), linux('arm', 'v6')), 2);
});

test('an entry without a platform is the last choice', (t) => {
  t.is(chosen(amd64, undefined, linux('amd64')), 1);
  t.is(chosen(amd64, undefined, linux('arm64')), 0);
});

test('the error for a wrong platform says what the image has and what to do', (t) => {
  const attestation = { os: 'unknown', architecture: 'unknown' };
  t.throws(() => chosen(amd64, linux('arm64'), attestation, linux('arm', 'v7')), {
    message: 'image fn has linux/arm64, linux/arm/v7; this host is linux/amd64: build it with --platform linux/amd64',
  });
  t.throws(() => checkPlatform(linux('arm64'), amd64, 'fn'), {
    message: 'image fn has linux/arm64; this host is linux/amd64: build it with --platform linux/amd64',
  });
});

test('a windows image is refused on a linux host of the same architecture', (t) => {
  t.throws(() => chosen(amd64, { os: 'windows', architecture: 'amd64' }), { message: /windows\/amd64/ });
});

test('a config that names no platform is given the benefit of the doubt', (t) => {
  t.notThrows(() => checkPlatform({ os: '', architecture: '' }, amd64, 'fn'));
});
