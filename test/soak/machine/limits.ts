/** Limits under cgroup v2: what a deployment asks for is in the kernel's files, enforced, and reported. See machine.ts. */
import assert from 'node:assert/strict';
import { busyboxImage, functionImage } from '../../helpers/functions.ts';
import { until } from '../../helpers/poll.ts';
import { startRegistry } from '../../helpers/registry.ts';
import { holds, Machine } from './machine.ts';

const mebibyte = 1024 * 1024;
const name = 'limited';

/** The cgroup files of a function's only replica. */
async function cgroup(machine: Machine): Promise<(file: string) => Promise<string>> {
  const folder = '/sys/fs/cgroup/openfaas-fn';
  const [id, ...others] = (await machine.run(`cd ${folder} && ls -d */`)).trim().split('\n');
  assert.equal(others.length, 0, 'one replica has one cgroup');
  return async (file) => (await machine.run(`cat ${folder}/${id}${file}`)).trim();
}

function field(text: string, key: string): number {
  return Number(new RegExp(`^${key} (\\d+)`, 'm').exec(text)?.[1]);
}

async function limitsAreSet(machine: Machine): Promise<void> {
  const read = await cgroup(machine);
  const wanted = {
    'memory.max': String(32 * mebibyte),
    'memory.low': String(16 * mebibyte),
    'memory.swap.max': '0',
    'memory.oom.group': '1',
    'cpu.max': '20000 100000',
    'pids.max': '1024',
  };
  for (const [file, value] of Object.entries(wanted)) assert.equal(await read(file), value, file);
  const weight = Number(await read('cpu.weight'));
  // 512 shares, by runc's old conversion and by the one since 1.3.
  assert.ok([20, 59].includes(weight), `cpu.weight is ${weight}`);
  holds(`the kernel has what was deployed: ${JSON.stringify(wanted)}, cpu.weight ${weight}`);
}

async function memoryIsReported(machine: Machine): Promise<void> {
  assert.equal((await machine.invoke(`${name}/alloc/12`)).status, 200);
  const read = await cgroup(machine);
  const workingSet = Number(await read('memory.current')) - field(await read('memory.stat'), 'inactive_file');
  const reported = (await machine.status(name, 'usage=1'))?.usage?.totalMemoryBytes ?? 0;
  assert.ok(Math.abs(reported / workingSet - 1) <= 0.05, `reported ${reported}, working set ${workingSet}`);
  holds(`usage says ${reported} bytes, the cgroup's working set is ${workingSet}`);
}

async function overuseEnds(machine: Machine): Promise<void> {
  const before = await machine.invoke(`${name}/pid`);
  assert.equal(before.status, 200);
  const { status } = await machine.invoke(`${name}/alloc/64`);
  assert.ok(status >= 500, `beyond its limit the function answered ${status}`);
  const lastExit = await until(async () => (await machine.status(name))?.berth?.lastExit, {
    timeoutMs: 30_000,
    intervalMs: 200,
    message: 'the end of the function in its status',
  });
  assert.match(lastExit, /OOM|out of memory/i);
  const readyMs = await machine.ready(name);
  assert.equal((await machine.invoke(name)).status, 200);
  holds(`beyond its memory limit it was ended ("${lastExit}"), and was ready again ${readyMs} ms after that was seen`);
  await limitsAreSet(machine);
}

async function cpuIsThrottled(machine: Machine): Promise<void> {
  const read = await cgroup(machine);
  const samples: number[] = [];
  for (let i = 0; i < 10; i++) samples.push((await machine.status(name, 'usage=1'))?.usage?.cpu ?? 0);
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  const throttled = field(await read('cpu.stat'), 'nr_throttled');
  assert.ok(throttled > 0, 'no period was throttled');
  assert.ok(Math.abs(mean - 200) <= 40, `a loop at 200m is reported with ${samples.map(Math.round).join(', ')}`);
  holds(`a busy loop at 200m: ${throttled} periods throttled, usage ${samples.map(Math.round).join(', ')} millicores`);
}

const machine = await Machine.up('soak');
await using registry = await startRegistry();
try {
  await machine.installBerth();
  const host = await machine.reachRegistry(registry);
  const limits = { memory: '32Mi', cpu: '200m' };
  const requests = { memory: '16Mi', cpu: '500m' };
  const remove = async () => {
    await machine.api('DELETE', '/system/functions', { functionName: name });
    await until(async () => (await machine.status(name)) === undefined, { timeoutMs: 60_000, message: 'its removal' });
    await until(async () => !(await machine.run('ls -d /sys/fs/cgroup/openfaas-fn/*/ 2>/dev/null || true')).trim(), {
      timeoutMs: 60_000,
      message: 'the end of its processes',
    });
  };
  const deploy = async (image: { reference: string }) => {
    await remove();
    const reference = image.reference.replace(registry.host, host);
    await machine.deploy('POST', { service: name, image: reference, limits, requests });
  };
  await deploy(await functionImage(registry));
  await limitsAreSet(machine);
  await memoryIsReported(machine);
  await overuseEnds(machine);
  const loop = 'httpd -p 8080 -h /www; while :; do :; done';
  await deploy(await busyboxImage(registry, { config: { Cmd: ['sh', '-c', loop] } }));
  await cpuIsThrottled(machine);
  // A machine that is kept is used again by checks that count what is there.
  await remove();
} finally {
  await machine.down();
}
