import test from 'ava';
import { buildSpec, validateDeployment } from '../../../../../src/backends/containerd/runtime-spec/index.ts';
import { StartError } from '../../../../../src/backends/containerd/start-error.ts';
import type { ResourceAmounts } from '../../../../../src/provider/index.ts';
import { capableHost, specInput } from './input.ts';

const mebibyte = 1024 * 1024;
const limits = (resources: ResourceAmounts, host = capableHost) =>
  buildSpec(specInput({}, { resources, host })).linux.resources;

test('a memory limit forbids swap and a request reserves', (t) => {
  t.deepEqual(limits({ memoryLimitBytes: 64 * mebibyte, memoryRequestBytes: 32 * mebibyte }).memory, {
    limit: 64 * mebibyte,
    swap: 64 * mebibyte,
    reservation: 32 * mebibyte,
  });
});

test('without a memory limit swap is not bounded either', (t) => {
  t.deepEqual(limits({ memoryRequestBytes: 32 * mebibyte }).memory, { reservation: 32 * mebibyte });
});

test('a kernel that does not count swap is not asked to', (t) => {
  const { memory } = limits({ memoryLimitBytes: 64 * mebibyte }, { ...capableHost, swapAccounting: false });
  t.deepEqual(memory, { limit: 64 * mebibyte });
});

test('a host without the memory controller still runs functions that have limits', (t) => {
  const host = { ...capableHost, memoryController: false, cpuController: false, pidsController: false };
  t.deepEqual(limits({ memoryLimitBytes: 64 * mebibyte, cpuLimitMillicores: 100 }, host), {
    devices: [{ allow: false, access: 'rwm' }],
  });
});

test('out of memory ends the whole function on cgroup v2, and v1 is not given what it cannot read', (t) => {
  t.deepEqual(limits({}).unified, { 'memory.oom.group': '1' });
  t.is(limits({}, { ...capableHost, cgroupVersion: 1 }).unified, undefined);
});

for (const [millicores, quota] of [
  [100, 10_000],
  [500, 50_000],
  [1000, 100_000],
  [2500, 250_000],
  [1, 1000],
] as const) {
  test(`a limit of ${millicores}m is ${quota} µs in each 100 ms`, (t) => {
    t.deepEqual(limits({ cpuLimitMillicores: millicores }).cpu, { quota, period: 100_000 });
  });
}

for (const [millicores, shares] of [
  [1000, 1024],
  [500, 512],
  [100, 102],
  [0, 2],
  [1_000_000, 262_144],
] as const) {
  test(`a request of ${millicores}m weighs ${shares}`, (t) => {
    t.deepEqual(limits({ cpuRequestMillicores: millicores }).cpu, { shares });
  });
}

test('the smallest limits in use are accepted', (t) => {
  const { deployment } = specInput();
  t.notThrows(() => validateDeployment(deployment, { memoryLimitBytes: 5 * mebibyte, cpuLimitMillicores: 1 }));
  t.notThrows(() => validateDeployment(deployment, { memoryLimitBytes: 4 * mebibyte }));
  t.notThrows(() => validateDeployment(deployment));
});

for (const resources of [
  { memoryLimitBytes: 4 * mebibyte - 1 },
  { memoryLimitBytes: 0 },
  { cpuLimitMillicores: 0 },
] satisfies ResourceAmounts[]) {
  test(`${JSON.stringify(resources)} is refused, saying what to ask for`, (t) => {
    const error = t.throws(() => validateDeployment(specInput().deployment, resources), {
      instanceOf: StartError,
    });
    t.regex(error.message, /limits\.(memory|cpu).*leave it out/);
  });
}
