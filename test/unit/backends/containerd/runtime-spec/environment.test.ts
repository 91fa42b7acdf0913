import test from 'ava';
import fc from 'fast-check';
import {
  buildSpec,
  validateDeployment,
  type ImageExecution,
} from '../../../../../src/backends/containerd/runtime-spec/index.ts';
import type { FunctionDeployment } from '../../../../../src/provider/index.ts';
import { StartError } from '../../../../../src/backends/containerd/start-error.ts';
import { specInput } from './input.ts';

function environment(deployment: Partial<FunctionDeployment>, Env?: ImageExecution['Env']): Record<string, string> {
  const { env } = buildSpec(specInput(deployment, { imageConfig: { Cmd: ['x'], Env } })).process;
  const names = env.map((entry) => entry.slice(0, entry.indexOf('=')));
  if (new Set(names).size !== names.length) throw new Error(`a name comes twice in ${names.join()}`);
  return Object.fromEntries(
    env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  );
}

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,20}$/).filter((text) => text !== 'fprocess');
const value = fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => !text.includes('\0'));

test('every value that is set arrives whole, whatever the image says', (t) => {
  fc.assert(
    fc.property(fc.dictionary(name, value), fc.dictionary(name, value), (envVars, imageVars) => {
      const Env = Object.entries(imageVars).map(([key, text]) => `${key}=${text}`);
      const found = environment({ envVars }, Env);
      t.deepEqual(found, {
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ...imageVars,
        OPENFAAS_NAME: 'figlet',
        OPENFAAS_NAMESPACE: 'openfaas-fn',
        ...envVars,
      });
    }),
  );
});

for (const text of ['a=b=c', 'first\nsecond\n', 'größe 数 🦆', ' padded ', '', '"quoted" $HOME `x`']) {
  test(`value ${JSON.stringify(text)} is kept`, (t) => {
    t.is(environment({ envVars: { value: text } }).value, text);
  });
}

test('envProcess is given as fprocess, over an fprocess of the image and of the variables', (t) => {
  t.is(environment({ envProcess: 'node index.js' }, ['fprocess=cat']).fprocess, 'node index.js');
  t.is(environment({ envProcess: 'node index.js', envVars: { fprocess: 'env' } }).fprocess, 'node index.js');
});

for (const envProcess of [undefined, '']) {
  test(`fprocess as a variable counts when envProcess is ${JSON.stringify(envProcess)}`, (t) => {
    t.is(environment({ envProcess, envVars: { fprocess: 'env' } }, ['fprocess=cat']).fprocess, 'env');
    t.is(environment({ envProcess }, ['fprocess=cat']).fprocess, 'cat');
    t.is(environment({ envProcess }).fprocess, undefined);
  });
}

test('the image cannot pass for another function, its deployer can', (t) => {
  t.is(environment({}, ['OPENFAAS_NAME=other']).OPENFAAS_NAME, 'figlet');
  t.is(environment({ envVars: { OPENFAAS_NAME: 'other' } }).OPENFAAS_NAME, 'other');
});

test('the last of an image’s entries of one name counts, and entries without a value are left out', (t) => {
  t.like(environment({}, ['A=1', 'B', '=C', 'A=2=3']), { A: '2=3', B: undefined });
  t.is(environment({}, null).OPENFAAS_NAME, 'figlet');
});

for (const [title, envVars] of [
  ['an empty name', { '': 'x' }],
  ['"=" in a name', { 'A=B': 'x' }],
  ['NUL in a name', { 'A\0': 'x' }],
  ['NUL in a value', { A: 'secret\0' }],
  ['NUL in fprocess', { fprocess: 'cat\0' }],
] as const) {
  test(`${title} is refused without telling the value`, (t) => {
    const { deployment } = specInput({ envVars });
    const error = t.throws(() => validateDeployment(deployment), { instanceOf: StartError });
    t.regex(error.message, /environment variable/);
    t.notRegex(error.message, /secret\0/);
  });
}

test('more variables than execve takes are refused, and what fits is not', (t) => {
  const validate = (envVars: Record<string, string>) =>
    validateDeployment({ name: 'fn', namespace: 'openfaas-fn', image: 'fn', envVars });
  const longest = 128 * 1024 - 'A=\0'.length;
  t.notThrows(() => validate({ A: 'x'.repeat(longest) }));
  t.throws(() => validate({ A: 'x'.repeat(longest + 1) }), { instanceOf: StartError, message: /"A".*131072 bytes/ });
  const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, at) => [`V${at}`, '']));
  t.throws(() => validate(many), { instanceOf: StartError, message: /1048576 bytes/ });
});

test('what the image sets counts as well, and so does its command', (t) => {
  const start = (imageConfig: ImageExecution) => () => buildSpec(specInput({}, { imageConfig }));
  const many = (count: number) => Array.from({ length: count }, (_, at) => `V${at}=${'x'.repeat(100_000)}`);
  const together = { instanceOf: StartError, message: /together 2093056 bytes/ };
  t.notThrows(start({ Cmd: ['x'], Env: many(20) }));
  t.throws(start({ Cmd: ['x'], Env: many(21) }), together);
  t.throws(start({ Cmd: many(1), Env: many(20) }), together);
  t.throws(start({ Cmd: ['x'], Env: [`A=${'x'.repeat(131_072)}`] }), {
    instanceOf: StartError,
    message: /each takes 131072/,
  });
  t.throws(start({ Cmd: ['x'.repeat(131_072)] }), { instanceOf: StartError, message: /each takes 131072/ });
});

for (const imageConfig of [{ Cmd: ['x\0'] }, { Cmd: ['x'], Env: ['A=\0'] }, { Cmd: ['x'], WorkingDir: '/a\0' }]) {
  test(`an image with a NUL is refused: ${JSON.stringify(imageConfig)}`, (t) => {
    t.throws(() => buildSpec(specInput({}, { imageConfig })), { instanceOf: StartError, message: /image.* NUL/ });
  });
}
