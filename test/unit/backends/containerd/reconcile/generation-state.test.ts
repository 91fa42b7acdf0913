import { status } from '@grpc/grpc-js';
import test from 'ava';
import { DiskFullError } from '../../../../../src/base/disk-full.ts';
import { ContainerdError } from '../../../../../src/containerd/index.ts';
import type { UnpackedImage } from '../../../../../src/backends/containerd/images/index.ts';
import { GenerationState } from '../../../../../src/backends/containerd/reconcile/generation-state.ts';
import { StartError } from '../../../../../src/backends/containerd/start-error.ts';
import { defaultTiming } from '../../../../../src/backends/containerd/timing.ts';

const atMs = Date.UTC(2026, 0, 1);
const site = { method: 'Tasks.Create', address: '/run/containerd/containerd.sock' };
const away = new ContainerdError(site, status.UNAVAILABLE, 'connection refused');
const refused = new ContainerdError(site, status.UNKNOWN, 'no');

test('a version is not at fault while containerd is away, nor the first time that containerd refuses', (t) => {
  const generation = new GenerationState('g', defaultTiming);
  for (let times = 0; times < 5; times++) generation.failed(away, atMs);
  generation.failed(refused, atMs);
  t.is(generation.failure, undefined);
  generation.started();
  generation.failed(refused, atMs);
  t.is(generation.failure, undefined, 'a start in between counts');
  generation.failed(refused, atMs);
  t.is(generation.failure, refused);
});

test('a version that failed is tried again after its back-off', (t) => {
  const generation = new GenerationState('g', defaultTiming);
  generation.failed(new Error('no such image'), atMs);
  t.true(generation.view().failed);
  t.is(generation.nextDeadlineMs(atMs), atMs + 500);
  generation.retry(atMs + 499);
  t.true(generation.view().failed);
  generation.retry(atMs + 500);
  t.false(generation.view().failed);
  t.is(generation.nextDeadlineMs(atMs + 500), Infinity);
});

test('a candidate fails when it is not ready in time, which counts from when its image is there', (t) => {
  const generation = new GenerationState('g', defaultTiming);
  generation.expectReady(atMs);
  t.is(generation.nextDeadlineMs(atMs), Infinity);
  generation.pulled({ digest: 'sha256:1' } as UnpackedImage);
  generation.expectReady(atMs + 1000);
  t.is(generation.nextDeadlineMs(atMs + 1000), atMs + 1000 + defaultTiming.startMs);
  generation.expectReady(atMs + 999 + defaultTiming.startMs);
  t.is(generation.failure, undefined);
  generation.expectReady(atMs + 1000 + defaultTiming.startMs);
  t.true(generation.failure instanceof StartError);
  t.is(generation.failure?.message, 'it was not ready within 120 s: does it listen on port 8080?');
});

test('a candidate has as long to start as its own probes allow, where that is more', (t) => {
  const generation = new GenerationState('g', defaultTiming);
  generation.pulled({ digest: 'sha256:1' } as UnpackedImage);
  generation.expectReady(atMs, 150_500);
  generation.expectReady(atMs + 150_499, 150_500);
  t.is(generation.failure, undefined);
  generation.expectReady(atMs + 150_500, 150_500);
  t.regex(generation.failure?.message ?? '', /not ready within 151 s/);
  const quick = new GenerationState('q', defaultTiming);
  quick.pulled({ digest: 'sha256:1' } as UnpackedImage);
  quick.expectReady(atMs, 10);
  quick.expectReady(atMs + defaultTiming.startMs - 1, 10);
  t.is(quick.failure, undefined, 'the setting is the shortest');
});

test('one pull at a time', (t) => {
  const generation = new GenerationState('g', defaultTiming);
  t.true(generation.beginPull());
  t.false(generation.beginPull());
  generation.pullEnded();
  t.true(generation.beginPull());
});

test('after each condemned replica the next one waits longer, unless the one before ran for long', (t) => {
  const generation = new GenerationState('g', { ...defaultTiming, restartBaseMs: 1000, restartMaxMs: 60_000 });
  const waitMs = (ranLong = false) => {
    generation.condemned('it took too much', ranLong, atMs);
    const untilMs = generation.failedUntilMs(atMs) ?? 0;
    generation.retry(untilMs);
    generation.started();
    return untilMs - atMs;
  };
  const waits = [waitMs(), waitMs(), waitMs(), waitMs(), waitMs()];
  t.is(waits[0], 500);
  t.true((waits[4] ?? 0) >= 4000, String(waits));
  t.like(generation, { restarts: 5, failure: undefined });
  t.is(generation.lastExit?.reason, 'it took too much');
  t.is(waitMs(true), 500);
});

test('what failed for want of room is tried at once when there is room again, and nothing else is', (t) => {
  const after = (error: Error) => {
    const generation = new GenerationState('g', defaultTiming);
    for (let times = 0; times < 9; times++) generation.failed(error, atMs);
    generation.roomAgain();
    generation.retry(atMs);
    return generation.failure;
  };
  const outOfDisk = new ContainerdError(site, status.UNKNOWN, 'mkdir /x: no space left on device');
  for (const error of [new DiskFullError('log_dir'), outOfDisk]) t.is(after(error), undefined);
  for (const error of [new Error('no such image'), refused]) t.is(after(error), error);
});

test('a cause is news once, whatever the numbers of the try, until a replica was ready', (t) => {
  const generation = new GenerationState('g', defaultTiming);
  t.true(generation.isNewCause('cannot start 0123456789ab: exit 3'));
  t.false(generation.isNewCause('cannot start ba9876543210: exit 4'));
  t.true(generation.isNewCause('its image cannot be pulled'));
  generation.becameReady();
  t.true(generation.isNewCause('its image cannot be pulled'));
});
