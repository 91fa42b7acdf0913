/** Deploying and updating through the real faas-cli: flags, stack files, and updates that fail. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { watchdogImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { statusOf } from '../integration/functions/setup.ts';
import { startCliHost, succeeded, type CliHost } from './setup.ts';

let host: CliHost;
let first: string;
let second: string;

test.before(async () => {
  host = await startCliHost();
  const tagged = (tag: string) => watchdogImage(host.registry, { tag, env: [`fprocess=echo ${tag}`] });
  ({ reference: first } = await tagged('one'));
  ({ reference: second } = await tagged('two'));
});
test.after.always(() => host.stop());

test.serial('deploying another image updates the function', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', first, '--name', 'updated'));
  t.is(succeeded(await cli.run('invoke', 'updated')), 'one\n');
  const stdout = succeeded(await cli.run('deploy', '--image', second, '--name', 'updated'));
  t.regex(stdout, /Function updated already exists, attempting rolling-update\.\n\nDeployed\. 200 OK\./);
  t.is(succeeded(await cli.run('invoke', 'updated')), 'two\n');
  t.true(succeeded(await cli.run('list', '-v')).includes(second));
  succeeded(await cli.run('remove', 'updated'));
});

test.serial('an update that fails says why, and the old version serves on', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', first, '--name', 'kept'));
  const missing = first.replace(/:one$/, ':three');
  const unpullable = await cli.run('deploy', '--image', missing, '--name', 'kept');
  t.is(unpullable.code, 1);
  t.regex(
    unpullable.stdout,
    /^Unexpected status: 400, message: [^\n]*functions\/alpine:three[^\n]*no such image[^\n]*\n/m,
  );
  t.regex(unpullable.stdout, /Function 'kept' failed to deploy with status code: 400/);

  const dying = await cli.run('deploy', '--image', second, '--name', 'kept', '--env', 'mode=http');
  t.is(dying.code, 1);
  t.regex(dying.stdout, /^Unexpected status: 400, message: [^\n]*exited with code 1[^\n]*\n/m);

  t.is(succeeded(await cli.run('invoke', 'kept')), 'one\n');
  t.true(succeeded(await cli.run('describe', 'kept')).includes(first));
  succeeded(await cli.run('remove', 'kept'));
});

test.serial('a first deployment that fails says why', async (t) => {
  const { code, stdout } = await host.cli.run('deploy', '--image', `${first}x`, '--name', 'never');
  t.is(code, 1);
  t.regex(stdout, /Unexpected status: 400, message: /);
  t.regex(stdout, /Function 'never' failed to deploy with status code: 400/);
  t.is(succeeded(await host.cli.run('list', '--quiet')), '');
});

test.serial('bad names and quantities are refused with one line', async (t) => {
  const { cli } = host;
  await writeFile(join(cli.folder, 'bad.yml'), stack({ thirsty: `image: ${first}\n    limits:\n      memory: lots` }));
  for (const args of [
    ['--image', first, '--name', 'Upper_Case'],
    ['--image', 'not an image', '--name', 'fine'],
    ['--yaml', 'bad.yml'],
  ]) {
    const { code, stdout } = await cli.run('deploy', ...args);
    t.is(code, 1, args.join(' '));
    t.regex(stdout, /Unexpected status: 400, message: [^\n]+\n\n/);
  }
});

test.serial('replace removes the function and makes it anew', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', first, '--name', 'replaced', '--env', 'a=1'));
  const stdout = succeeded(
    await cli.run('deploy', '--image', second, '--name', 'replaced', '--replace', '--update=false'),
  );
  t.regex(stdout, /Removing old function\.\n\nDeployed\. 202 Accepted\./);
  t.is(succeeded(await cli.run('invoke', 'replaced')), 'two\n');
  t.is((await statusOf(host.berth, 'replaced')).envVars, undefined);

  const refused = await cli.run('deploy', '--image', first, '--name', 'replaced', '--update=false');
  t.is(refused.code, 1);
  t.regex(refused.stdout, /Unexpected status: 409, message: .*replaced/);
  succeeded(await cli.run('remove', 'replaced'));
});

test.serial('a stack file deploys, updates and removes its functions', async (t) => {
  const { cli, berth } = host;
  const echo = `image: ${first}
    fprocess: cat
    environment: {answer: "42", empty: ""}
    labels: {team: blue}
    annotations: {note: "one: two"}
    limits: {memory: 64Mi, cpu: 200m}
    requests: {memory: 16Mi}
    readonly_root_filesystem: true`;
  await writeFile(
    join(cli.folder, 'two.yml'),
    stack({ 'stack-echo': echo, 'stack-env': `image: ${first}\n    fprocess: env` }),
  );
  const deployed = succeeded(await cli.run('deploy', '-f', 'two.yml'));
  t.is(deployed.match(/Deployed\. 202 Accepted\./g)?.length, 2, deployed);
  t.like(JSON.parse((await berth.api('GET', '/system/function/stack-echo')).text), {
    image: first,
    envProcess: 'cat',
    envVars: { answer: '42', empty: '' },
    labels: { team: 'blue' },
    limits: { memory: '64Mi', cpu: '200m' },
    requests: { memory: '16Mi' },
    readOnlyRootFilesystem: true,
  });
  t.is(succeeded(await cli.runWith('hello', 'invoke', 'stack-echo')), 'hello');
  t.regex(succeeded(await cli.run('invoke', 'stack-env')), /^Http_Method=POST$/m);
  t.is(succeeded(await cli.run('list', '--quiet')), 'stack-echo\nstack-env\n');

  t.is(succeeded(await cli.run('deploy', '-f', 'two.yml')).match(/Deployed\. 200 OK\./g)?.length, 2);
  t.is(succeeded(await cli.run('remove', '-f', 'two.yml')).match(/Removing old function\./g)?.length, 2);
  t.is(succeeded(await cli.run('list', '--quiet')), '');
});

test.serial('a read-only function writes to nothing but /tmp', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', first, '--name', 'frozen', '--readonly', '--fprocess', 'touch /file'));
  t.regex((await cli.run('invoke', 'frozen')).stdout, /500.*\n.*Read-only file system/);
  succeeded(
    await cli.run('deploy', '--image', first, '--name', 'frozen', '--readonly', '--fprocess', 'touch /tmp/file'),
  );
  succeeded(await cli.run('invoke', 'frozen'));
  succeeded(await cli.run('remove', 'frozen'));
});

test.serial('a function is described as not ready while its process dies', async (t) => {
  const { cli } = host;
  const deployed = succeeded(await cli.run('deploy', '--image', first, '--name', 'dying', '--env', 'mode=http'));
  t.regex(deployed, /Deployed\. 202 Accepted\./);
  // As a describe of today asks; the one of 2021 asks for no usage, and is told no more than that it is not ready.
  await until(async () => {
    const { text } = await host.berth.api('GET', '/system/function/dying?usage=1');
    return /"com.openfaas.berth.status":"[^"]*exited with code 1/.test(text);
  });
  t.regex(succeeded(await cli.run('describe', 'dying')), /Status: +Not Ready/);
  t.regex(succeeded(await cli.run('list')), /^dying +\t0 +\t1/m);
  succeeded(await cli.run('remove', 'dying'));
});

function stack(functions: Record<string, string>): string {
  const entries = Object.entries(functions).map(([name, body]) => `  ${name}:\n    skip_build: true\n    ${body}\n`);
  return `version: 1.0\nprovider:\n  name: openfaas\nfunctions:\n${entries.join('')}`;
}
