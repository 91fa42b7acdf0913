import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Allowances } from '../../../../../src/backends/containerd/network/allowances.ts';
import { parseNetworkTargets } from '../../../../../src/provider/index.ts';

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'allowances-'));
  t.teardown(() => rm(dir, { recursive: true }));
  return join(dir, 'allowed');
}

const database = parseNetworkTargets('host:5432');

test('an allowance is there for whoever opens the folder again, until it is removed', async (t) => {
  const dir = await folder(t);
  let changes = 0;
  const changed = () => {
    changes += 1;
    return Promise.resolve();
  };
  const first = new Allowances({ dir, changed });
  await first.set('a', '10.62.0.5', database);
  await first.set('a', '10.62.0.5', database);
  await first.set('b', '10.62.0.6', []);
  await first.remove('c');
  t.is(changes, 1, 'what changes nothing is not told');
  const again = new Allowances({ dir, changed });
  t.deepEqual(await again.all(), [{ ip: '10.62.0.5', targets: database }]);
  await again.remove('a');
  t.deepEqual(await again.all(), []);
  t.deepEqual(await readdir(dir), []);
});

test('a file that cannot be read allows nothing, and the others hold', async (t) => {
  const dir = await folder(t);
  await mkdir(dir);
  const bad = ['', 'no json', '{}', '["10.62.0.5"]', '["10.62.0.5 . 22 }","host:1"]', '["10.62.0.5","everything"]'];
  for (const [index, text] of bad.entries()) await writeFile(join(dir, `bad${index}`), text);
  await writeFile(join(dir, 'good'), '["10.62.0.9","host:5432"]');
  const allowances = new Allowances({ dir, changed: () => Promise.resolve() });
  t.deepEqual(await allowances.all(), [{ ip: '10.62.0.9', targets: database }]);
});

test('a removal whose rules could not be written is done by the next, before the address is given away', async (t) => {
  const dir = await folder(t);
  let broken = false;
  let changes = 0;
  const changed = () => {
    changes += 1;
    return broken ? Promise.reject(new Error('nft')) : Promise.resolve();
  };
  const allowances = new Allowances({ dir, changed });
  await allowances.set('a', '10.62.0.5', database);
  broken = true;
  await t.throwsAsync(allowances.remove('a'), { message: 'nft' });
  broken = false;
  await allowances.remove('a');
  t.is(changes, 3);
  t.deepEqual(await allowances.all(), []);
});

test('an address that is given to another replica takes along nothing that was allowed before', async (t) => {
  const dir = await folder(t);
  const allowances = new Allowances({ dir, changed: () => Promise.resolve() });
  await allowances.set('a', '10.62.0.5', database);
  await allowances.set('b', '10.62.0.5', []);
  t.deepEqual(await allowances.all(), []);
  await allowances.set('c', '10.62.0.5', database);
  await allowances.set('d', '10.62.0.5', parseNetworkTargets('functions'));
  t.deepEqual(await allowances.all(), [{ ip: '10.62.0.5', targets: [{ kind: 'functions' }] }]);
  t.deepEqual(await readdir(dir), ['d']);
});

test('two files of one address allow nothing, as nobody knows whose it is', async (t) => {
  const dir = await folder(t);
  await mkdir(dir);
  for (const [id, list] of Object.entries({ a: 'host:1', b: 'host:2' }))
    await writeFile(join(dir, id), JSON.stringify(['10.62.0.5', list]));
  const allowances = new Allowances({ dir, changed: () => Promise.resolve() });
  t.deepEqual(await allowances.all(), []);
});

test('what a lower bound hides goes with its replica, and is not there when the bound is raised', async (t) => {
  const dir = await folder(t);
  const changed = () => Promise.resolve();
  await new Allowances({ dir, changed }).set('a', '10.62.0.5', database);
  const bounded = new Allowances({ dir, most: [], changed });
  t.deepEqual(await bounded.all(), []);
  t.deepEqual(await bounded.ids(), ['a']);
  await bounded.remove('a');
  t.deepEqual(await new Allowances({ dir, changed }).all(), []);
});

test('an allowance whose rules could not be written is written by the next try', async (t) => {
  const dir = await folder(t);
  let changes = 0;
  const changed = () => (++changes === 1 ? Promise.reject(new Error('nft')) : Promise.resolve());
  const allowances = new Allowances({ dir, changed });
  await t.throwsAsync(allowances.set('a', '10.62.0.5', database), { message: 'nft' });
  await allowances.set('a', '10.62.0.5', database);
  t.is(changes, 2);
});

test('what the bound of the host keeps from a replica is told, at its start and where the bound was lowered', async (t) => {
  const dir = await folder(t);
  const changed = () => Promise.resolve();
  const told: unknown[] = [];
  const withheld = (...args: unknown[]) => told.push(args);
  const targets = parseNetworkTargets('host:5432 functions');
  await new Allowances({ dir, changed, withheld }).set('a', '10.62.0.5', targets);
  t.deepEqual(told, []);
  const bounded = new Allowances({ dir, changed, withheld, most: parseNetworkTargets('functions') });
  t.deepEqual(await bounded.all(), [{ ip: '10.62.0.5', targets: [{ kind: 'functions' }] }]);
  await bounded.set('b', '10.62.0.6', database);
  t.deepEqual(told, [
    ['a', database],
    ['b', database],
  ]);
});

test('a folder where a file should be keeps nobody else from the network', async (t) => {
  const dir = await folder(t);
  await mkdir(join(dir, 'a'), { recursive: true });
  await writeFile(join(dir, 'b'), '["10.62.0.9","host:5432"]');
  const allowances = new Allowances({ dir, changed: () => Promise.resolve() });
  t.deepEqual(await allowances.all(), [{ ip: '10.62.0.9', targets: database }]);
  await allowances.remove('a');
  t.deepEqual(await readdir(dir), ['b']);
});
