import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import * as lines from '../../../../../src/gateway/dashboard/browser/command-lines.ts';
import { headersIn, pathOf, type InvokeRequest } from '../../../../../src/gateway/dashboard/browser/invoke-request.ts';

const fn = { name: 'hello', namespace: 'dev' };
const request: InvokeRequest = { method: 'POST', path: '/', headers: [], isAsync: false };

/** What a shell gives to the programs of a line: each prints its arguments and its input. */
async function argumentsOf(line: string): Promise<string[][]> {
  const show = `show() { printf '%s\\0' "$@"; if [ ! -t 0 ]; then printf 'stdin:'; cat; fi; }`;
  const script = `${show}; curl() { show curl "$@"; }; faas-cli() { show faas-cli "$@"; }; OPENFAAS_URL=http://berth\n${line}`;
  const child = promisify(execFile)('bash', ['-c', script]);
  child.child.stdin?.end();
  const { stdout } = await child;
  return stdout.split('stdin:').map((part) => part.split('\0').filter((word) => word !== ''));
}

test('a shell hands hostile headers, paths and bodies to curl as they are', async (t) => {
  const body = `@/etc/passwd '$(touch /tmp/x)' \`id\` "\\n\n-x`;
  const headers: [string, string][] = [
    ['X-A', `it's; $HOME <b>`],
    ['X-Empty', ''],
  ];
  const path = pathOf(`a b/'$(id)'?q=1&r=%20#x`);
  const [curl, ...others] = lines.invokeLines(fn, { ...request, path, headers, body });
  t.deepEqual(others, [], 'faas-cli can call no path');
  t.deepEqual((await argumentsOf(curl ?? ''))[0], [
    ...['curl', '-i', '-X', 'POST', '-H', `X-A: it's; $HOME <b>`, '-H', 'X-Empty;', '--data-raw', body],
    `http://berth/function/hello.dev/a%20b/'$(id)'?q=1&r=%20%23x`,
  ]);
});

test('a call of the function itself can be made by faas-cli', async (t) => {
  const headers: [string, string][] = [
    ['Content-Type', 'text/plain'],
    ['X-A', 'b c'],
  ];
  const [curl = '', faas = ''] = lines.invokeLines(fn, { ...request, headers, body: `-n 'x' %s`, isAsync: true });
  t.is((await argumentsOf(curl))[0]?.at(-1), 'http://berth/async-function/hello.dev');
  t.deepEqual(await argumentsOf(faas), [
    ['faas-cli', 'invoke', 'hello', '-n', 'dev', '--async', '--content-type', 'text/plain', '-H', 'X-A=b c'],
    [`-n 'x' %s`],
  ]);
});

test('a file is named, and a call without a body waits for none', (t) => {
  t.deepEqual(lines.invokeLines(fn, { ...request, file: `my file's.png` }), [
    `curl -i -X POST --data-binary '@my file'\\''s.png' "$OPENFAAS_URL"/function/hello.dev`,
    `faas-cli invoke hello -n dev <'my file'\\''s.png'`,
  ]);
  t.deepEqual(lines.invokeLines(fn, { ...request, method: 'HEAD' }), [
    'curl -i --head "$OPENFAAS_URL"/function/hello.dev',
    'faas-cli invoke hello -n dev -m HEAD </dev/null',
  ]);
});

test('what is done to a function is a line for a terminal', async (t) => {
  const words = ['curl', '-u', 'admin', '-X', 'POST', '-H', 'Content-Type: application/json', '-d'];
  t.deepEqual((await argumentsOf(lines.scaleLines(fn, 3)[0] ?? ''))[0], [
    ...words,
    '{"namespace":"dev","replicas":3}',
    'http://berth/system/scale-function/hello',
  ]);
  t.deepEqual((await argumentsOf(lines.restartLines(fn)[0] ?? ''))[0]?.slice(-2), [
    '{"namespace":"dev"}',
    'http://berth/system/restart-function/hello',
  ]);
  t.is(
    (await argumentsOf(lines.rollBackLines(fn)[0] ?? ''))[0]?.at(-1),
    'http://berth/system/rollback-function/hello?namespace=dev',
  );
  t.is(lines.deleteLines(fn)[0], 'faas-cli remove hello -n dev');
  t.is(lines.logsLines(fn)[0], 'faas-cli logs hello -n dev');
});

test('headers are read one a line', (t) => {
  t.deepEqual(headersIn('A: b\n\n  X-C:d:e  \nX-Empty:\n'), [
    ['A', 'b'],
    ['X-C', 'd:e'],
    ['X-Empty', ''],
  ]);
  for (const wrong of ['no header', ': x', 'a b: c', 'A: \u4f60', 'A: b\u0007'])
    t.throws(() => headersIn(`A: b\n${wrong}`), { message: /is no header: write NAME: VALUE/ }, wrong);
});

test('a path has its slash, and is encoded where a URL cannot have it', (t) => {
  t.is(pathOf('/'), '/');
  t.is(pathOf(''), '/');
  t.is(pathOf('a?b=c d'), '/a?b=c%20d');
  t.is(pathOf('/%2F/ü'), '/%2F/%C3%BC');
});
