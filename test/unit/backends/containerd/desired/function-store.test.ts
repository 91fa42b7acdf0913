import {
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { FunctionStore } from '../../../../../src/backends/containerd/desired/function-store.ts';
import { newGeneration, type FunctionRecord } from '../../../../../src/backends/containerd/desired/record.ts';
import { DiskFullError } from '../../../../../src/base/disk-full.ts';
import { createLog } from '../../../../../src/base/log.ts';
import { until } from '../../../../helpers/poll.ts';

const fn = { name: 'fn', namespace: 'openfaas-fn' };

function record(rest: Partial<FunctionRecord> = {}): FunctionRecord {
  const deployment = { ...fn, image: 'fn:latest', envVars: { A: 'b=c\nd' }, labels: { team: 'ops' } };
  return { schema: 1, current: newGeneration(deployment, 'sha256:1'), replicas: 1, asleep: false, ...rest };
}

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'berth-store-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  return join(dir, 'functions');
}

async function open(dir: string, lines: string[] = [], at: (point: string) => void = () => {}): Promise<FunctionStore> {
  const store = new FunctionStore({ dir, at, log: createLog({ write: (line) => lines.push(line) }) });
  await store.load().catch(() => {});
  return store;
}

/** Lists what is synced under a folder from now on, by the name that it has at that moment. */
async function syncsUnder(t: ExecutionContext, dir: string): Promise<string[]> {
  const synced: string[] = [];
  const handle = await openFile('/dev/null');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const original = Object.getOwnPropertyDescriptor(prototype, 'sync') as { value: (this: FileHandle) => Promise<void> };
  prototype.sync = async function (this: FileHandle) {
    const name = await readlink(`/proc/self/fd/${this.fd}`);
    if (name.startsWith(dir) && (await this.stat()).isFile()) synced.push(name);
    return original.value.call(this);
  };
  t.teardown(() => Object.defineProperty(prototype, 'sync', original));
  return synced;
}

test('what was put is there after a restart, exactly', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  const candidate = newGeneration({ ...fn, image: 'fn:next' });
  const put = record({ candidate, previous: record().current, failure: { generation: 'x', reason: 'y', at: 'z' } });
  await store.change(fn, () => put);
  await store.change({ name: 'fn', namespace: 'staging' }, () => record({ asleep: true }));
  const again = await open(dir);
  t.deepEqual(again.get(fn), JSON.parse(JSON.stringify(put)) as FunctionRecord);
  t.is(again.get({ name: 'fn', namespace: 'staging' })?.asleep, true);
  t.deepEqual(
    again.inNamespace('openfaas-fn').map(({ function: of }) => of),
    [fn],
  );
});

test('a record and its folder are for their owner alone, for variables may be secrets', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  await store.change(fn, () => record());
  t.is((await stat(join(dir, 'openfaas-fn/fn.json'))).mode & 0o777, 0o600);
  t.is((await stat(join(dir, 'openfaas-fn'))).mode & 0o777, 0o700);
});

test('what was deleted is gone after a restart', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  await store.change(fn, () => record());
  await store.change(fn, () => undefined);
  t.false(store.has(fn));
  t.false((await open(dir)).has(fn));
});

test('a record counts from the moment it is put, and the last of many at once is the one on disk', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  const puts = Array.from({ length: 20 }, (_, replicas) => store.change(fn, () => record({ replicas })));
  t.is(store.get(fn)?.replicas, 19);
  await Promise.all(puts);
  t.is((await open(dir)).get(fn)?.replicas, 19);
});

test('deleted and put again at once, in either order, memory and disk agree', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  await store.change(fn, () => record());
  await Promise.all([store.change(fn, () => undefined), store.change(fn, () => record({ replicas: 7 }))]);
  t.is(store.get(fn)?.replicas, 7);
  t.is((await open(dir)).get(fn)?.replicas, 7);
  await Promise.all([store.change(fn, () => record()), store.change(fn, () => undefined)]);
  t.false(store.has(fn));
  t.false((await open(dir)).has(fn));
});

test('a record that cannot be written changes nothing', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  await store.change(fn, () => record());
  await rm(join(dir, 'openfaas-fn'), { recursive: true });
  await writeFile(join(dir, 'openfaas-fn'), 'in the way');
  await t.throwsAsync(store.change(fn, () => record({ replicas: 5 })));
  t.is(store.get(fn)?.replicas, 1);
  const fresh = { name: 'fresh', namespace: 'openfaas-fn' };
  await t.throwsAsync(store.change(fresh, () => record()));
  t.false(store.has(fresh));
});

/** A store whose disk can be filled, and what it has logged. */
async function onFullDisk(t: ExecutionContext) {
  const dir = await folder(t);
  const lines: string[] = [];
  const disk = { full: false };
  const store = await open(dir, lines, (point) => {
    if (disk.full && point === 'record.write') throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
  });
  t.teardown(() => store.stop());
  return { dir, lines, disk, store };
}

const notDurable = { durable: false };

test('a change that may be lost counts on a full disk, is said once, and is on disk when there is room', async (t) => {
  const { dir, lines, disk, store } = await onFullDisk(t);
  const others = ['a', 'b'].map((name) => ({ ...fn, name }));
  for (const each of [fn, ...others]) await store.change(each, () => record({ asleep: true }));
  disk.full = true;
  for (const each of [fn, ...others]) await store.change(each, () => record({ replicas: 3 }), notDurable);
  t.is(store.get(fn)?.asleep, false);
  await until(() => lines.length > 0);
  await sleep(50);
  t.is(lines.length, 1);
  t.regex(lines[0] ?? '', /cannot be written/);
  t.is((await open(dir)).get(fn)?.asleep, true);
  disk.full = false;
  await until(async () => (await open(dir)).all().every((stored) => stored.record.replicas === 3));
  await until(() => lines.length === 2);
});

test('of many changes that may be lost the last one is on disk soon, and when the store has stopped', async (t) => {
  const { dir, store } = await onFullDisk(t);
  for (let replicas = 0; replicas < 50; replicas += 1) {
    await store.change(fn, () => record({ replicas }), notDurable);
  }
  await store.stop();
  t.is((await open(dir)).get(fn)?.replicas, 49);
});

test('a durable change that cannot be written is taken back, and one before it that may be lost still counts', async (t) => {
  const { dir, disk, store } = await onFullDisk(t);
  await store.change(fn, () => record({ asleep: true }));
  disk.full = true;
  await store.change(fn, () => record({ asleep: false }), notDurable);
  await t.throwsAsync(
    store.change(fn, () => record({ replicas: 9 })),
    { instanceOf: DiskFullError },
  );
  t.is(store.get(fn)?.replicas, 1);
  t.is(store.get(fn)?.asleep, false);
  disk.full = false;
  await until(async () => (await open(dir)).get(fn)?.asleep === false);
});

test('a function that is removed while a change of it waits for room stays removed', async (t) => {
  const { dir, disk, store } = await onFullDisk(t);
  await store.change(fn, () => record());
  disk.full = true;
  await store.change(fn, () => record({ replicas: 3 }), notDurable);
  await store.change(fn, () => undefined);
  disk.full = false;
  await store.stop();
  t.false((await open(dir)).has(fn));
});

test('a store that was stopped has all on disk, and is changed no more', async (t) => {
  const dir = await folder(t);
  const store = await open(dir);
  const changed = store.change(fn, () => record());
  await store.stop();
  t.true((await open(dir)).has(fn));
  await changed;
  await t.throwsAsync(
    store.change(fn, () => undefined),
    { message: 'berth is being restarted: try again' },
  );
  t.true((await open(dir)).has(fn));
});

test('each write is on disk before it gets its name, one that may be lost as well', async (t) => {
  const dir = await folder(t);
  const synced = await syncsUnder(t, dir);
  for (const durable of [true, false]) {
    const store = await open(dir);
    synced.length = 0;
    await store.change(fn, () => record({ replicas: durable ? 2 : 3 }), { durable });
    await store.stop();
    t.regex(synced[0] ?? 'nothing', /openfaas-fn\/\.tmp-/, `durable: ${durable}`);
  }
});

test('a file is the old one or the new one, never a part, whenever a write breaks off', async (t) => {
  const dir = await folder(t);
  let broken = false;
  const store = await open(dir, [], (point) => {
    if (broken && point === 'record.write') throw new Error('power cut');
  });
  await store.change(fn, () => record());
  broken = true;
  await t.throwsAsync(store.change(fn, () => record({ replicas: 9 })));
  t.is((await open(dir)).get(fn)?.replicas, 1);
});

for (const [what, content] of [
  ['torn', '{"schema": 1, "current": {'],
  ['empty', ''],
  ['of a later version', JSON.stringify({ ...record(), schema: 2 })],
  ['without an image', JSON.stringify({ ...record(), current: { id: 'x', deployment: fn, createdAt: 'now' } })],
] as const) {
  test(`a file that is ${what} is left alone and named in the log, and the others are read`, async (t) => {
    const dir = await folder(t);
    const lines: string[] = [];
    await (await open(dir)).change({ ...fn, name: 'good' }, () => record());
    await writeFile(join(dir, 'openfaas-fn/bad.json'), content);
    const store = await open(dir, lines);
    const bad = { ...fn, name: 'bad' };
    t.true(store.isUnreadable(bad));
    t.true(store.hasUnreadable('openfaas-fn'));
    t.false(store.hasUnreadable('fn'));
    t.false(store.has(bad));
    t.true(store.has({ ...fn, name: 'good' }));
    t.is(await readFile(join(dir, 'openfaas-fn/bad.json'), 'utf8'), content);
    t.regex(lines.join(''), /error cannot read \S+openfaas-fn\/bad\.json: restore it, or delete it/);
    await store.change(bad, () => record());
    t.false(store.isUnreadable(bad), 'a new deployment takes its place');
  });
}

test('what a crash left of a write is cleared away, and what is no record is passed over', async (t) => {
  const dir = await folder(t);
  await mkdir(join(dir, 'openfaas-fn'), { recursive: true });
  await writeFile(join(dir, 'openfaas-fn/.tmp-0123456789abcdef'), '{');
  await writeFile(join(dir, 'openfaas-fn/README'), 'mine');
  await writeFile(join(dir, 'README'), 'mine');
  const lines: string[] = [];
  const store = await open(dir, lines);
  t.deepEqual(store.all(), []);
  t.deepEqual(await readdir(join(dir, 'openfaas-fn')), ['README']);
});

test('what could not be read counts once it can be, and nothing that was changed meanwhile is undone', async (t) => {
  const dir = await folder(t);
  const good = await open(dir);
  const other = { ...fn, namespace: 'other' };
  for (const each of [fn, other]) await good.change(each, () => record({ replicas: 3 }));
  const text = await readFile(join(dir, 'openfaas-fn/fn.json'));
  await writeFile(join(dir, 'openfaas-fn/fn.json'), '');
  await rename(join(dir, 'other'), join(dir, 'Aside'));
  await writeFile(join(dir, 'other'), '');
  const store = await open(dir);
  t.true(store.isUnreadable(other));
  await store.change({ ...fn, name: 'new' }, () => record({ replicas: 2 }));
  await rm(join(dir, 'other'));
  await rename(join(dir, 'Aside'), join(dir, 'other'));
  await writeFile(join(dir, 'openfaas-fn/fn.json'), text);
  await store.load();
  t.deepEqual(
    [fn, other, { ...fn, name: 'new' }].map((each) => store.get(each)?.replicas),
    [3, 3, 2],
  );
  t.false(store.hasUnreadable('other'));
});

test('while the folder cannot be listed every function may be wanted, and none is changed', async (t) => {
  const dir = await folder(t);
  await writeFile(dir, '');
  const store = await open(dir);
  t.true(store.isUnreadable(fn));
  await t.throwsAsync(
    store.change(fn, () => record()),
    { message: /cannot be read/ },
  );
  await rm(dir);
  await store.load();
  t.false(store.isUnreadable(fn));
  await t.notThrowsAsync(store.change(fn, () => record()));
});
