import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLog } from '../../../src/base/log.ts';
import { BadRequestError, type FunctionName, type Provider } from '../../../src/provider/index.ts';
import { FunctionsFolder } from '../../../src/stack/index.ts';
import { until } from '../../helpers/poll.ts';
import { memoryProvider } from '../provider/memory-provider.ts';

const namespace = 'openfaas-fn';
const timing = { quietMs: 20, lookMs: 100, retryMs: 50, longestRetryMs: 50 };

/** A folder that is kept, in front of a provider that writes down what is asked of it. */
async function keptFolder(t: ExecutionContext, { provider = memoryProvider(), isMade = true } = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'functions-d-'));
  const folder = join(dir, 'functions.d');
  const mountTables = { fstab: join(dir, 'fstab'), units: join(dir, 'units'), mounted: join(dir, 'mountinfo') };
  if (isMade) await mkdir(folder);
  const asked: string[] = [];
  const lines: string[] = [];
  const recording: Provider = {
    ...provider,
    async deploy(deployment, options) {
      const outcome = await provider.deploy(deployment, options);
      asked.push(`deploy ${deployment.name} ${deployment.image}`);
      return outcome;
    },
    async update(deployment, options) {
      const outcome = await provider.update(deployment, options);
      asked.push(`update ${deployment.name} ${deployment.image}`);
      return outcome;
    },
    async remove(name) {
      await provider.remove(name);
      asked.push(`remove ${name.name}`);
    },
  };
  const log = createLog({ write: (line) => lines.push(line) });
  let running = { ended: Promise.resolve(), stop: new AbortController() };
  const start = () => {
    const stop = new AbortController();
    const kept = new FunctionsFolder({
      folder,
      provider: recording,
      defaultNamespace: namespace,
      env: {},
      log,
      timing,
      mountTables,
    });
    running = { stop, ended: kept.run(stop.signal) };
    return kept;
  };
  const stop = async () => {
    running.stop.abort();
    await running.ended;
  };
  t.teardown(async () => {
    await stop();
    await rm(dir, { recursive: true });
  });
  return {
    folder,
    mountTables,
    provider,
    asked,
    lines,
    start,
    stop,
    /** At once: of a file that is written in place the folder may be read before its text is there. */
    async write(name: string, text: string) {
      await writeFile(join(folder, `.${name}`), text);
      await rename(join(folder, `.${name}`), join(folder, name));
    },
    seen: (message: string, condition: () => boolean) =>
      until(() => Promise.resolve(condition()), {
        timeoutMs: 10_000,
        message: `${message}: ${asked.join(', ')}\n${lines.join('')}`,
      }),
  };
}

const stackOf = (images: Record<string, string>) =>
  `functions:\n${Object.entries(images)
    .map(([name, image]) => `  ${name}:\n    image: ${image}\n`)
    .join('')}`;

async function imagesOf(provider: Provider): Promise<Record<string, string>> {
  return Object.fromEntries((await provider.list(namespace)).map(({ name, image }) => [name, image]));
}

test('functions are added, changed and removed as the files say, and nothing else is asked for', async (t) => {
  const kept = await keptFolder(t);
  await kept.write('one.yml', stackOf({ a: 'x:1', b: 'x:1' }));
  await kept.write('two.yaml', stackOf({ c: 'x:1' }));
  const part = kept.start();
  await kept.seen('three functions', () => kept.asked.length === 3);
  t.deepEqual(await imagesOf(kept.provider), { a: 'x:1', b: 'x:1', c: 'x:1' });
  kept.asked.length = 0;
  await kept.write('one.yml', stackOf({ a: 'x:2', d: 'x:1' }));
  await kept.seen('a change', () => kept.asked.includes('remove b'));
  t.deepEqual([...kept.asked].sort(), ['deploy d x:1', 'remove b', 'update a x:2']);
  await rm(join(kept.folder, 'two.yaml'));
  await kept.seen('a removal', () => kept.asked.includes('remove c'));
  await kept.seen('health', () => part.parts[0]?.healthy === true);
  t.deepEqual(part.parts, [{ name: 'functions_dir', healthy: true }]);
  t.deepEqual(
    (await kept.provider.fromFiles?.())?.map(({ name, file }) => [name, file.path]),
    [
      ['a', join(kept.folder, 'one.yml')],
      ['d', join(kept.folder, 'one.yml')],
    ],
  );
});

test('a daemon that starts again asks for nothing that is so already', async (t) => {
  const kept = await keptFolder(t);
  await kept.write('one.yml', stackOf({ a: 'x:1' }));
  kept.start();
  await kept.seen('a function', () => kept.asked.length === 1);
  await kept.stop();
  kept.start();
  await kept.write('two.yml', stackOf({ b: 'x:1' }));
  await kept.seen('another', () => kept.asked.length === 2);
  t.deepEqual(kept.asked, ['deploy a x:1', 'deploy b x:1']);
});

test('a broken file keeps what it said before, and the part says what is wrong until it is mended', async (t) => {
  const kept = await keptFolder(t);
  await kept.write('one.yml', stackOf({ a: 'x:1', b: 'x:1' }));
  await kept.write('two.yml', stackOf({ c: 'x:1' }));
  const part = kept.start();
  await kept.seen('three functions', () => kept.asked.length === 3);
  for (const text of ['', 'functions:\n  a:\n    image: "x', 'functions:\n  a: {}\n']) {
    await kept.write('one.yml', text);
    await kept.write('two.yml', stackOf({ c: `x:${text.length}` }));
    await kept.seen('the other file', () => kept.asked.at(-1) === `update c x:${text.length}`);
    await kept.seen('a problem', () => part.parts[0]?.problem?.includes(join(kept.folder, 'one.yml:')) === true);
    t.like(await imagesOf(kept.provider), { a: 'x:1', b: 'x:1' });
  }
  t.true(kept.lines.some((line) => line.includes('one.yml:1: is empty')));
  await kept.write('one.yml', stackOf({ a: 'x:2', b: 'x:1' }));
  await kept.seen('the mended file', () => kept.asked.at(-1) === 'update a x:2');
  await kept.seen('health', () => part.parts[0]?.healthy === true);
});

test('a function that two files name stays as it was, and both are told', async (t) => {
  const kept = await keptFolder(t);
  await kept.write('one.yml', stackOf({ a: 'x:1' }));
  const part = kept.start();
  await kept.seen('a function', () => kept.asked.length === 1);
  await kept.write('two.yml', stackOf({ a: 'x:2', b: 'x:1' }));
  await kept.seen('the rest', () => kept.asked.length === 2);
  t.deepEqual(await imagesOf(kept.provider), { a: 'x:1', b: 'x:1' });
  await kept.seen('a problem', () => part.parts[0]?.healthy === false);
  t.regex(
    part.parts[0]?.problem ?? '',
    /function a\.openfaas-fn is in \S+one\.yml:2 and \S+two\.yml:2: leave it in one/,
  );
  await rm(join(kept.folder, 'one.yml'));
  await kept.seen('the one that is left', () => kept.asked.at(-1) === 'update a x:2');
});

test("what editors leave, hidden files and other files are passed over; a file that takes another's place is seen", async (t) => {
  const kept = await keptFolder(t);
  const names = ['.hidden.yml', '.one.yml.swp', '#one.yml#', 'one.yml~', 'README.md', '.#one.yml', '4913'];
  for (const name of names) await kept.write(name, stackOf({ wrong: 'x:1' }));
  await mkdir(join(kept.folder, 'sub'));
  await kept.write('one.yml', stackOf({ a: 'x:1' }));
  const part = kept.start();
  await kept.seen('a function', () => kept.asked.length === 1);
  await kept.write('one.yml.tmp', stackOf({ a: 'x:2' }));
  await rename(join(kept.folder, 'one.yml.tmp'), join(kept.folder, 'one.yml'));
  await kept.seen('the new file', () => kept.asked.length === 2);
  t.deepEqual(kept.asked, ['deploy a x:1', 'update a x:2']);
  t.true(part.parts[0]?.healthy);
});

test('what is missing is asked for again when it may be there', async (t) => {
  const there = new Set<string>();
  const memory = memoryProvider();
  const provider: Provider = {
    ...memory,
    async deploy(deployment, options) {
      const missing = deployment.secrets?.find((secret) => !there.has(secret));
      if (missing) throw new BadRequestError(`secret ${missing} does not exist`);
      return memory.deploy(deployment, options);
    },
  };
  const kept = await keptFolder(t, { provider });
  await kept.write('one.yml', 'functions:\n  a:\n    image: x:1\n    secrets: [db]\n  b:\n    image: x:1\n');
  const part = kept.start();
  await kept.seen(
    'a problem',
    () => part.parts[0]?.problem?.includes('one.yml:2: function a.openfaas-fn: secret db') === true,
  );
  t.deepEqual(kept.asked, ['deploy b x:1']);
  there.add('db');
  part.retrySoon();
  await kept.seen('the function', () => kept.asked.at(-1) === 'deploy a x:1');
  await kept.seen('health', () => part.parts[0]?.healthy === true);
});

test('a version that is stored and fails is told, and is not tried again before its file changes', async (t) => {
  const memory = memoryProvider();
  let tries = 0;
  const provider: Provider = {
    ...memory,
    async update(deployment, options) {
      if (deployment.image !== 'bad') return memory.update(deployment, options);
      tries += 1;
      await memory.update({ ...deployment, image: 'x:1' }, options);
      throw new BadRequestError('the new version did not start');
    },
  };
  const kept = await keptFolder(t, { provider });
  await kept.write('one.yml', stackOf({ a: 'x:1' }));
  const part = kept.start();
  await kept.seen('a function', () => kept.asked.length === 1);
  await kept.write('one.yml', stackOf({ a: 'bad' }));
  await kept.seen('a problem', () => part.parts[0]?.problem?.includes('did not start') === true);
  await kept.write('two.yml', stackOf({ b: 'x:1' }));
  await kept.seen('another', () => kept.asked.length === 2);
  t.is(tries, 1);
  t.regex(part.parts[0]?.problem ?? '', /did not start/);
  await kept.write('one.yml', stackOf({ a: 'x:2' }));
  await kept.seen('health', () => part.parts[0]?.healthy === true);
});

test('a function that was there before is kept by its file from then on, which the log says', async (t) => {
  const kept = await keptFolder(t);
  await kept.provider.deploy({ name: 'a', namespace, image: 'x:0' });
  await kept.provider.deploy({ name: 'own', namespace, image: 'x:0' });
  await kept.write('one.yml', stackOf({ a: 'x:1' }));
  kept.start();
  await kept.seen('the function', () => kept.asked.length === 1);
  await kept.seen('a line', () =>
    kept.lines.some((line) => /function was there, and is kept by its file.*a\.openf/.test(line)),
  );
  await rm(join(kept.folder, 'one.yml'));
  await kept.seen('its removal', () => kept.asked.length === 2);
  t.deepEqual(kept.asked, ['update a x:1', 'remove a']);
  t.deepEqual(await imagesOf(kept.provider), { own: 'x:0' });
});

test('a folder that is gone removes nothing, one that comes late is seen', async (t) => {
  const kept = await keptFolder(t, { isMade: false });
  const part = kept.start();
  await mkdir(kept.folder);
  await kept.write('one.yml', stackOf({ a: 'x:1', b: 'x:1' }));
  await kept.seen('two functions', () => kept.asked.length === 2);
  await rename(kept.folder, `${kept.folder}.away`);
  await kept.seen(
    'a problem',
    () => part.parts[0]?.problem?.includes('empty to have its 2 functions removed') === true,
  );
  t.is(kept.asked.length, 2);
  await rename(`${kept.folder}.away`, kept.folder);
  await kept.seen('health', () => part.parts[0]?.healthy === true);
  await kept.write('one.yml', stackOf({ a: 'x:1' }));
  await kept.seen('one removed', () => kept.asked.at(-1) === 'remove b');
});

test('a folder whose disk is not mounted removes nothing until it is', async (t) => {
  const kept = await keptFolder(t);
  await kept.write('one.yml', stackOf({ a: 'x:1', b: 'x:1' }));
  const part = kept.start();
  await kept.seen('two functions', () => kept.asked.length === 2);
  await kept.stop();
  await writeFile(kept.mountTables.fstab, `UUID=1 ${dirname(kept.folder)} ext4 nofail 0 2\n`);
  await kept.write('one.yml', stackOf({ b: 'x:1' }));
  const later = kept.start();
  await kept.seen('a problem', () => later.parts[0]?.problem?.includes('2 functions of') === true);
  t.is(kept.asked.length, 2);
  await writeFile(kept.mountTables.mounted, `36 35 98:0 / ${dirname(kept.folder)} rw shared:1 - ext4 /dev/sda rw\n`);
  await kept.seen('one removed', () => kept.asked.at(-1) === 'remove a');
  t.true(part.parts[0]?.healthy);
});

test('without a folder what came from one is removed', async (t) => {
  const provider = memoryProvider();
  const from: FunctionName & { image: string } = { name: 'a', namespace, image: 'x:1' };
  await provider.deploy(from, { file: { path: '/etc/berth/functions.d/one.yml', digest: 'of before' } });
  await provider.deploy({ ...from, name: 'applied' }, { file: { path: '/root/stack.yml' } });
  await provider.deploy({ ...from, name: 'own' });
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line) });
  const stop = new AbortController();
  const folder = new FunctionsFolder({
    folder: undefined,
    provider,
    defaultNamespace: namespace,
    env: {},
    log,
    timing,
  });
  const ended = folder.run(stop.signal);
  await until(async () => (await provider.list(namespace)).length === 2, { timeoutMs: 10_000, message: 'its removal' });
  stop.abort();
  await ended;
  t.deepEqual(Object.keys(await imagesOf(provider)).sort(), ['applied', 'own']);
});
