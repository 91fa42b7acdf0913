import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { NamespaceStore } from '../../../../../src/backends/containerd/desired/namespace-store.ts';
import { createLog, silentLog } from '../../../../../src/base/log.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-namespaces-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const staging = { name: 'staging', labels: { team: 'ops' }, annotations: { note: 'ünï\n' } };

test('namespaces are there after a restart as they were put, until they are deleted', async (t) => {
  const dir = join(await folder(t), 'namespaces');
  const store = new NamespaceStore({ dir, log: silentLog });
  t.deepEqual(await store.all(), []);
  await store.put(staging);
  await store.put({ name: 'dev', labels: {}, annotations: {} });
  const again = new NamespaceStore({ dir, log: silentLog });
  t.deepEqual(
    (await again.all()).find(({ name }) => name === 'staging'),
    staging,
  );
  await again.delete('dev');
  t.deepEqual(await store.all(), [staging]);
});

test('a file that cannot be read is named in the log, and keeps nobody from the others', async (t) => {
  const dir = await folder(t);
  const lines: string[] = [];
  const store = new NamespaceStore({ dir, log: createLog({ write: (line) => lines.push(line) }) });
  await store.put(staging);
  await writeFile(join(dir, 'torn.json'), '{"schema": 1, "lab');
  t.deepEqual(await store.all(), [staging]);
  t.regex(lines.join(''), /error cannot read \S+torn\.json: restore it or delete it/);
});
