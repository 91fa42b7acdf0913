import { spawn, type ChildProcess } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { shimsOf } from '../../../../../src/backends/containerd/replicas/stray-shims.ts';
import { until } from '../../../../helpers/poll.ts';

const shell = '/bin/bash';
const waits = ['-c', 'echo up; read line'];

async function started(t: ExecutionContext, file: string, args: string[]): Promise<ChildProcess> {
  const child = spawn(file, [...waits, ...args], {
    argv0: 'containerd-shim-runc-v2',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-shims-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('a shim is found by its program and the front of its command line', async (t) => {
  const dir = await folder(t);
  const shim = join(dir, 'containerd-shim-runc-v2');
  await copyFile(shell, shim);
  const options = ['-namespace', 'openfaas-fn', '-id', 'a1', '-address', dir];
  const { pid } = await started(t, shim, [...options, 'x'.repeat(100_000)]);
  const shims = await until(async () => {
    const found = await shimsOf(dir);
    return found.length > 0 && found;
  });
  t.deepEqual(shims, [{ pid, namespace: 'openfaas-fn', id: 'a1' }]);
});

test('a process that only calls itself a shim is none', async (t) => {
  const dir = await folder(t);
  await started(t, shell, ['-namespace', 'openfaas-fn', '-id', '../x', '-address', dir]);
  t.deepEqual(await shimsOf(dir), []);
});
