import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BadRequestError, type Provider } from '../../../src/provider/index.ts';
import { startGateway } from '../gateway/with-gateway.ts';
import { memoryProvider } from '../provider/memory-provider.ts';
import { runVerb } from './run-verb.ts';

const namespaces = {
  list: () => Promise.resolve(['openfaas-fn', 'staging']),
  get: (name: string) => Promise.resolve({ name, labels: {}, annotations: {} }),
  create: () => Promise.resolve(),
  update: () => Promise.resolve(),
  remove: () => Promise.resolve(),
};

/** A folder of stack files, and a gateway that writes down what it was asked to change. */
async function applying(t: ExecutionContext) {
  const memory = memoryProvider();
  const asked: string[] = [];
  const provider: Provider = {
    ...memory,
    namespaces,
    async deploy(deployment, options) {
      if (deployment.image === 'absent') throw new BadRequestError('image absent not found');
      const outcome = await memory.deploy(deployment, options);
      asked.push(`deploy ${deployment.name}`);
      return outcome;
    },
    async update(deployment, options) {
      asked.push(`update ${deployment.name}`);
      return memory.update(deployment, options);
    },
    async remove(name) {
      asked.push(`remove ${name.name}`);
      return memory.remove(name);
    },
  };
  const { url } = await startGateway(t, { gateway: { provider } });
  const folder = await mkdtemp(join(tmpdir(), 'apply-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const env = { port: new URL(url).port, bind: '127.0.0.1', basic_auth: 'false', TAG: '7' };
  return {
    folder,
    asked,
    provider,
    write: (name: string, text: string) => writeFile(join(folder, name), text),
    apply: (...args: string[]) => runVerb(['apply', ...args], env),
    names: async () => (await memory.list('openfaas-fn')).map(({ name }) => name).sort(),
  };
}

const stackOf = (images: Record<string, string>) =>
  `functions:\n${Object.entries(images)
    .map(([name, image]) => `  ${name}: { image: "${image}" }\n`)
    .join('')}`;

test('functions are added and changed as the files say; what is so already is left alone', async (t) => {
  const { folder, write, apply, asked } = await applying(t);
  await write('one.yml', stackOf({ a: 'x:${TAG}', b: 'x:1' }));
  await write('two.yaml', stackOf({ c: 'x:1' }));
  const first = await apply(folder);
  t.deepEqual([first.code, first.stderr], [0, '']);
  t.is(first.stdout.split('\n').at(-2), '3 added, 0 changed, 0 unchanged, 0 pruned');
  t.regex(first.stdout, /^added {6}a\.openfaas-fn$/m);
  asked.length = 0;
  await write('two.yaml', stackOf({ c: 'x:2' }));
  const { stdout } = await apply(folder);
  t.is(stdout.split('\n').at(-2), '0 added, 1 changed, 2 unchanged, 0 pruned');
  t.deepEqual(asked, ['update c']);
});

test('functions that go while it runs keep no other from being pruned', async (t) => {
  const { folder, write, apply, names, provider } = await applying(t);
  await write('one.yml', stackOf({ a: 'x:1', b: 'x:1', kept: 'x:1' }));
  await apply(folder);
  await write('one.yml', stackOf({ kept: 'x:1' }));
  const status = provider.status.bind(provider);
  provider.status = async (fn, options) => {
    if (fn.name !== 'kept') await provider.remove({ name: 'a', namespace: fn.namespace }).catch(() => {});
    return status(fn, options);
  };
  const { code, stdout, stderr } = await apply(folder, '--prune');
  t.deepEqual([code, stderr], [0, '']);
  t.is(stdout.split('\n').at(-2), '0 added, 0 changed, 1 unchanged, 1 pruned');
  t.deepEqual(await names(), ['kept']);
});

test('prune removes what came from there and is there no more, and nothing else', async (t) => {
  const { folder, write, apply, asked, names, provider } = await applying(t);
  await provider.deploy({ name: 'own', namespace: 'openfaas-fn', image: 'x:1' });
  await provider.deploy(
    { name: 'other', namespace: 'openfaas-fn', image: 'x:1' },
    { file: { path: '/root/other/one.yml' } },
  );
  await write('one.yml', stackOf({ a: 'x:1', b: 'x:1' }));
  await write('two.yml', stackOf({ c: 'x:1', d: 'x:1' }));
  await apply(folder);
  await rm(join(folder, 'two.yml'));
  await write('one.yml', stackOf({ a: 'x:1' }));
  asked.length = 0;
  t.regex((await apply(folder)).stdout, /0 added, 0 changed, 1 unchanged, 0 pruned/);
  t.deepEqual(asked, []);
  t.regex((await apply(folder, '--prune', '--dry-run')).stdout, /^would be: .* 3 pruned$/m);
  t.deepEqual(asked, []);
  const { stdout } = await apply(join(folder, 'one.yml'), '--prune');
  t.regex(stdout, /1 unchanged, 1 pruned/, 'of a file what came from it');
  t.regex((await apply(folder, '--prune')).stdout, /1 unchanged, 2 pruned/);
  t.deepEqual(await names(), ['a', 'other', 'own']);
});

test("a function that was there and is unchanged is known as the file's from then on", async (t) => {
  const { folder, write, apply, names, provider } = await applying(t);
  await provider.deploy({ name: 'a', namespace: 'openfaas-fn', image: 'x:1' });
  await write('one.yml', stackOf({ a: 'x:1' }));
  t.regex((await apply(folder)).stdout, /1 unchanged/);
  await write('one.yml', 'functions: {}\n');
  await apply(folder, '--prune');
  t.deepEqual(await names(), []);
});

test('files with an error are told with their lines, and nothing is done', async (t) => {
  const { folder, write, apply, asked } = await applying(t);
  await write('one.yml', stackOf({ a: 'x:1' }));
  await write('two.yml', 'functions:\n  b:\n    imagee: x\n');
  await write('three.yml', stackOf({ a: 'x:2' }));
  const { code, stderr, stdout } = await apply(folder);
  t.is(code, 1);
  t.is(stdout, '');
  t.true(stderr.includes(`${folder}/two.yml:3: function b: imagee is not known\n`));
  t.true(stderr.includes(`${folder}/two.yml:2: function b: image is missing`));
  t.regex(stderr, /function a\.openfaas-fn is in \S+one\.yml:2 and \S+three\.yml:2: leave it in one of them/);
  t.regex(stderr, /^berth apply: nothing was done: mend the files first$/m);
  await rm(join(folder, 'two.yml'));
  await rm(join(folder, 'three.yml'));
  await write('one.yml', 'functions:\n  a:\n    image: x\n    namespace: dev\n');
  t.regex((await apply(folder)).stderr, /one\.yml:2: function a\.dev: create its namespace first/);
  t.deepEqual(asked, []);
});

test('what fails is told with its place, and the others are applied', async (t) => {
  const { folder, write, apply, names } = await applying(t);
  await write('one.yml', stackOf({ a: 'absent', b: 'x:1' }));
  const { code, stderr, stdout } = await apply(folder);
  t.is(code, 1);
  t.is(stderr, `${folder}/one.yml:2: function a.openfaas-fn: image absent not found\n`);
  t.regex(stdout, /1 added, 0 changed, 0 unchanged, 0 pruned, 1 failed/);
  t.deepEqual(await names(), ['b']);
});

test('programs get one object', async (t) => {
  const { folder, write, apply } = await applying(t);
  await write('one.yml', stackOf({ a: 'absent', b: 'x:1' }));
  const { stdout } = await apply(folder, '--json');
  const { functions } = JSON.parse(stdout) as { functions: { name: string }[] };
  t.deepEqual(
    functions.sort((a, b) => a.name.localeCompare(b.name)),
    [
      {
        action: 'added',
        name: 'a',
        namespace: 'openfaas-fn',
        from: `${folder}/one.yml:2`,
        error: 'image absent not found',
      },
      { action: 'added', name: 'b', namespace: 'openfaas-fn', from: `${folder}/one.yml:3` },
    ] as never,
  );
});

test('a function that functions_dir keeps is changed by no apply, which says whose it is', async (t) => {
  const { folder, write, apply, provider } = await applying(t);
  const file = { path: '/etc/berth/functions.d/shop.yml', digest: 'of what it says' };
  await provider.deploy({ name: 'a', namespace: 'openfaas-fn', image: 'x:1' }, { file });
  await write('one.yml', stackOf({ a: 'x:1' }));
  t.regex((await apply(folder)).stdout, /1 unchanged/);
  await write('one.yml', stackOf({ a: 'x:2' }));
  const { code, stderr } = await apply(folder);
  t.is(code, 1);
  t.regex(stderr, /function a\.openfaas-fn is kept by \/etc\/berth\/functions\.d\/shop\.yml/);
});

test('wrong usage, and a folder that is not there', async (t) => {
  const { apply } = await applying(t);
  t.is((await apply()).code, 2);
  t.is((await apply('a', 'b')).code, 2);
  const { code, stderr } = await apply('/nonexistent');
  t.is(code, 1);
  t.regex(stderr, /\/nonexistent/);
});
