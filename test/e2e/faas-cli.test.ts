/** The real faas-cli against the running daemon: what it prints and how it ends. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import type { AsyncList } from '../../src/gateway/index.ts';
import { password } from '../helpers/berth.ts';
import { faasCli } from '../helpers/faas-cli.ts';
import { watchdogImage } from '../helpers/functions.ts';
import { until } from '../helpers/poll.ts';
import { startCliHost, succeeded, type CliHost } from './setup.ts';

let host: CliHost;
let image: string;

test.before(async () => {
  host = await startCliHost();
  ({ reference: image } = await watchdogImage(host.registry));
});
test.after.always(() => host.stop());

test.serial('login says whether the password is right', async (t) => {
  await using stranger = await faasCli(host.berth.url);
  const refused = await stranger.run('login', '--password', 'wrong');
  t.is(refused.code, 1);
  t.regex(refused.stdout, /Unable to login, either username or password is incorrect/);
  const accepted = await stranger.runWith(`${password}\n`, 'login', '--password-stdin');
  t.is(accepted.code, 0);
  t.true(accepted.stdout.includes(`credentials saved for admin ${host.berth.url}`), accepted.stdout);
});

test.serial('whoever is not logged in is told to log in, and may call functions', async (t) => {
  succeeded(await host.cli.run('deploy', '--image', image, '--name', 'open', '--fprocess', 'cat'));
  await using stranger = await faasCli(host.berth.url);
  for (const args of [['list'], ['describe', 'open'], ['remove', 'open'], ['logs', 'open'], ['namespaces']]) {
    const { code, stdout } = await stranger.run(...args);
    t.is(code, 1, args.join(' '));
    t.regex(stdout, /nauthorized access, run "faas-cli login"/, args.join(' '));
  }
  t.is(succeeded(await stranger.runWith('hello', 'invoke', 'open')), 'hello');
  succeeded(await host.cli.run('remove', 'open'));
});

test.serial('version shows the gateway and its provider', async (t) => {
  const stdout = succeeded(await host.cli.run('version', '--warn-update=false'));
  t.true(stdout.includes(`uri:     ${host.berth.url}`), stdout);
  t.regex(stdout, /Gateway\n.*\n version: \S+\n sha: {5}\S+/);
  t.regex(stdout, /Provider\n name: {10}\S+\n orchestration: containerd\n version: {7}\S+ \n sha: {11}\S+/);
});

test.serial('an empty gateway lists nothing', async (t) => {
  t.regex(succeeded(await host.cli.run('list')), /^Function\s+Invocations\s+Replicas\n$/);
});

test.serial('a function is deployed, listed, described, called and removed', async (t) => {
  const { cli, berth } = host;
  succeeded(await cli.run('secret', 'create', 'token', '--from-literal', 's3cret'));
  const deployed = succeeded(
    await cli.run(
      ...['deploy', '--image', image, '--name', 'environment', '--fprocess', 'env', '--env', 'colour=blue=green'],
      ...['--secret', 'token', '--label', 'team=blue', '--annotation', 'topic=invoices,paid'],
    ),
  );
  t.regex(deployed, /Deployed\. 202 Accepted\./);
  t.true(deployed.includes(`URL: ${berth.url}/function/environment`), deployed);
  t.notRegex(deployed, /rolling-update/);

  const called = succeeded(
    await cli.run('invoke', 'environment', '--query', 'a=1', '--query', 'b=x', '-H', 'X-Colour=red', '-m', 'GET'),
  );
  for (const line of ['colour=blue=green', 'Http_Method=GET', 'Http_Query=a=1&b=x', 'Http_X_Colour=red'])
    t.true(called.split('\n').includes(line), `${line} in\n${called}`);

  t.regex(succeeded(await cli.run('list')), /^environment +\t1 +\t1 +$/m);
  t.is(succeeded(await cli.run('list', '--quiet')), 'environment\n');
  const verbose = succeeded(await cli.run('list', '-v'));
  const [name, listed, invocations, replicas, , created] = verbose.split('\n')[1]?.split(/ *\t/) ?? [];
  t.deepEqual([name, listed, invocations, replicas], ['environment', image, '1', '1']);
  t.true(Math.abs(Date.parse(created?.replace(' +0000 UTC', 'Z') ?? '') - Date.now()) < 600_000, created);

  const described = succeeded(await cli.run('describe', 'environment'));
  for (const line of [
    /^Name: +environment$/m,
    /^Status: +Ready$/m,
    /^Replicas: +1$/m,
    /^Available replicas: +1$/m,
    /^Invocations: +1$/m,
    /^Function process: +env$/m,
    /team : blue$/m,
    /topic : invoices,paid$/m,
  ])
    t.regex(described, line);
  t.true(described.includes(`${berth.url}/async-function/environment`), described);

  t.regex(succeeded(await cli.run('remove', 'environment')), /Deleting: environment\.\nRemoving old function\.\n/);
  t.regex(succeeded(await cli.run('list')), /Replicas\n$/);
  succeeded(await cli.run('secret', 'remove', 'token'));
});

test.serial('an unknown function cannot be described, called or removed', async (t) => {
  const answers = [
    [['describe', 'nobody'], /No such function: nobody/],
    [['invoke', 'nobody'], /Server returned unexpected status code: 404 - /],
    [['remove', 'nobody'], /No existing function to remove/],
    [['logs', 'nobody', '--tail=false'], /Server returned unexpected status code: 404 - /],
  ] as const;
  for (const [args, message] of answers) {
    const { code, stdout } = await host.cli.run(...args);
    t.is(code, 1, args.join(' '));
    t.regex(stdout, message);
    t.notRegex(stdout, /[{[]/, 'a message and no JSON');
  }
});

test.serial('what is on stdin reaches the function byte for byte', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', image, '--name', 'hash', '--fprocess', 'sha256sum'));
  const body = Buffer.alloc(
    3 << 20,
    Uint8Array.from({ length: 256 }, (_, byte) => byte),
  );
  const sum = createHash('sha256').update(body).digest('hex');
  t.is(succeeded(await cli.runWith(body, 'invoke', 'hash')), `${sum}  -\n`);
  succeeded(await cli.run('remove', 'hash'));
});

test.serial('a function that fails is reported with what it printed', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', image, '--name', 'failing', '--fprocess', 'ls /nowhere'));
  const { code, stdout } = await cli.run('invoke', 'failing');
  t.is(code, 1);
  t.regex(stdout, /Server returned unexpected status code: 500 - exit status 1\nls: \/nowhere: No such file/);
  succeeded(await cli.run('remove', 'failing'));
});

test.serial('an asynchronous call is queued, and made', async (t) => {
  const { cli, berth } = host;
  succeeded(await cli.run('deploy', '--image', image, '--name', 'later', '--fprocess', 'cat'));
  succeeded(await cli.runWith('hello', 'invoke', '--async', 'later'));
  await until(async () => {
    const { text } = await berth.api('GET', '/system/async?function=later&state=done');
    return (JSON.parse(text) as AsyncList).calls.length === 1;
  });
  t.regex(succeeded(await cli.run('remove', 'later')), /Removing old function\./);
});

test.serial('functions of the same name live in two namespaces', async (t) => {
  const { cli, berth } = host;
  t.is(succeeded(await cli.run('namespaces')), 'Namespaces:\n - openfaas-fn\n');
  const made = await berth.api('POST', '/system/namespace/', { name: 'dev', labels: { openfaas: '1' } });
  t.is(made.status, 201, made.text);
  t.is(succeeded(await cli.run('namespaces')), 'Namespaces:\n - dev\n - openfaas-fn\n');

  const deploy = ['deploy', '--image', image, '--name', 'twin'];
  succeeded(await cli.run(...deploy, '--fprocess', 'echo one'));
  const deployed = succeeded(await cli.run(...deploy, '--fprocess', 'echo two', '--namespace', 'dev'));
  t.true(deployed.includes(`${berth.url}/function/twin.dev`), deployed);
  t.is(succeeded(await cli.run('invoke', 'twin')), 'one\n');
  t.is(succeeded(await cli.run('invoke', 'twin', '--namespace', 'dev')), 'two\n');
  t.regex(succeeded(await cli.run('describe', 'twin', '--namespace', 'dev')), /Function process: +echo two/);
  t.regex(succeeded(await cli.run('remove', 'twin', '--namespace', 'dev')), /Removing old function\./);
  t.is(succeeded(await cli.run('list', '--quiet', '--namespace', 'dev')), '');
  t.is(succeeded(await cli.run('invoke', 'twin')), 'one\n');
  succeeded(await cli.run('remove', 'twin'));
  t.is((await berth.api('DELETE', '/system/namespace/dev', { name: 'dev' })).status, 202);
});

test.serial('a namespace that does not exist is named', async (t) => {
  const { code, stdout } = await host.cli.run('deploy', '--image', image, '--name', 'lost', '--namespace', 'nowhere');
  t.is(code, 1);
  t.regex(stdout, /Unexpected status: 4\d\d, message: .*nowhere/);
});

test.serial('logs are shown and followed', async (t) => {
  const { cli } = host;
  succeeded(await cli.run('deploy', '--image', image, '--name', 'talker', '--fprocess', 'cat'));
  succeeded(await cli.runWith('hello', 'invoke', 'talker'));
  await until(async () => succeeded(await cli.run('logs', 'talker', '--tail=false')).includes('Wrote 5 Bytes'));
  const stdout = succeeded(await cli.run('logs', 'talker', '--tail=false', '--name', '--instance'));
  t.regex(stdout, /^\d{4}-\d\d-\d\dT\S+Z talker \(\S+\) \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d Forking fprocess\.$/m);
  t.regex(succeeded(await cli.run('logs', 'talker', '--tail=false', '--lines=1')), /^\S+ \S+ \S+ Wrote 5 Bytes.*\n$/);
  t.is(succeeded(await cli.run('logs', 'talker', '--tail=false', '--since-time=2099-01-01T00:00:00Z')), '');

  const following = cli.runUntil('Wrote 12 Bytes', 'logs', 'talker');
  succeeded(await cli.runWith('hello, again', 'invoke', 'talker'));
  const followed = await following;
  t.regex(followed, /Wrote 5 Bytes[^]*Wrote 12 Bytes/);
  succeeded(await cli.run('remove', 'talker'));
});

test.serial('a function of a store is deployed as the store describes it', async (t) => {
  const entry = {
    title: 'Shout',
    name: 'shout',
    description: 'Shouts',
    fprocess: 'tr a-z A-Z',
    environment: { colour: 'blue' },
    labels: { origin: 'store' },
    images: { x86_64: image, arm64: image },
  };
  const store = createServer((_, response) => response.end(JSON.stringify({ version: '0.2.0', functions: [entry] })));
  await once(store.listen(0, '127.0.0.1'), 'listening');
  const { port } = store.address() as AddressInfo;
  try {
    succeeded(await host.cli.run('store', 'deploy', 'shout', '--url', `http://127.0.0.1:${port}`));
    t.is(succeeded(await host.cli.runWith('hello', 'invoke', 'shout')), 'HELLO');
    t.regex(succeeded(await host.cli.run('describe', 'shout')), /origin : store/);
    succeeded(await host.cli.run('remove', 'shout'));
  } finally {
    store.close();
  }
});
