/** Secrets through the real faas-cli, as functions read them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { watchdogImage } from '../helpers/functions.ts';
import { startCliHost, succeeded, type CliHost } from './setup.ts';

let host: CliHost;
let image: string;

test.before(async () => {
  host = await startCliHost();
  ({ reference: image } = await watchdogImage(host.registry));
});
test.after.always(() => host.stop());

/** Deploys a function that answers with the secret's bytes in hex. */
async function reader(secret: string): Promise<string> {
  const { cli } = host;
  const process = `xxd -p -c 1000 /var/openfaas/secrets/${secret}`;
  succeeded(await cli.run('deploy', '--image', image, '--name', 'reader', '--fprocess', process, '--secret', secret));
  return readSecret();
}

async function readSecret(): Promise<string> {
  return Buffer.from(succeeded(await host.cli.run('invoke', 'reader')), 'hex').toString('latin1');
}

test.serial('secrets are created, listed, updated and removed', async (t) => {
  const { cli } = host;
  t.is(succeeded(await cli.run('secret', 'list')), 'No secrets found.\n');
  const created = succeeded(await cli.run('secret', 'create', 'api-key', '--from-literal', 'one'));
  t.is(created, 'Creating secret: api-key\nCreated: 201 Created\n');
  t.is(succeeded(await cli.run('secret', 'list')), '\nNAME\napi-key\n\n');
  t.regex((await cli.run('secret', 'create', 'api-key', '--from-literal', 'two')).stdout, /"api-key" already exists/);
  t.is(await reader('api-key'), 'one', 'the refused one changed nothing');

  const updated = succeeded(await cli.run('secret', 'update', 'api-key', '--from-literal', 'two'));
  t.is(updated, 'Updating secret: api-key\nUpdated: 200 OK\n');
  t.is(await readSecret(), 'two', 'a running function has the new value at once');
  t.is(await reader('api-key'), 'two', 'a deployment after the update has it too');

  const refused = await cli.run('secret', 'remove', 'api-key');
  t.is(refused.code, 1);
  t.regex(refused.stdout + refused.stderr, /409 .*in use by function reader/);
  t.is(await readSecret(), 'two', 'a running function keeps what it has');
  succeeded(await cli.run('remove', 'reader'));
  t.is(succeeded(await cli.run('secret', 'remove', 'api-key')), 'Removed.. OK.\n');
  t.is(succeeded(await cli.run('secret', 'list')), 'No secrets found.\n');
});

test.serial('a secret that does not exist can be neither updated nor removed nor used', async (t) => {
  const { cli } = host;
  t.regex(
    (await cli.run('secret', 'update', 'nothing', '--from-literal', 'x')).stdout,
    /unable to find secret: nothing/,
  );
  const removed = await cli.run('secret', 'remove', 'nothing');
  t.is(removed.code, 1);
  t.regex(removed.stdout, /Unable to find secret: nothing/);
  const deployed = await cli.run('deploy', '--image', image, '--name', 'needy', '--secret', 'nothing');
  t.is(deployed.code, 1);
  t.regex(deployed.stdout, /Unexpected status: 400, message: .*nothing/);
});

test.serial('a file is kept byte for byte, though faas-cli also sends it as trimmed text', async (t) => {
  const { cli } = host;
  const bytes = Buffer.from([0x20, 0x0a, 0x00, 0xff, 0xfe, 0x80, 0x41, 0x0a, 0x20]);
  await writeFile(join(cli.folder, 'key.bin'), bytes);
  succeeded(await cli.run('secret', 'create', 'binary', '--from-file', 'key.bin'));
  t.is(await reader('binary'), bytes.toString('latin1'));
  succeeded(await cli.run('remove', 'reader'));
  succeeded(await cli.run('secret', 'remove', 'binary'));
});

test.serial('a secret comes from stdin, trimmed or not', async (t) => {
  const { cli } = host;
  succeeded(await cli.runWith(' typed \n', 'secret', 'create', 'trimmed'));
  succeeded(await cli.runWith(' typed \n', 'secret', 'create', 'untrimmed', '--trim=false'));
  t.is(await reader('trimmed'), 'typed');
  t.is(await reader('untrimmed'), ' typed \n');
  succeeded(await cli.run('remove', 'reader'));
});

test.serial('secrets of another namespace are apart', async (t) => {
  const { cli, berth } = host;
  t.is((await berth.api('POST', '/system/namespace/', { name: 'dev', labels: { openfaas: '1' } })).status, 201);
  succeeded(await cli.run('secret', 'create', 'shared', '--from-literal', 'default'));
  succeeded(await cli.run('secret', 'create', 'shared', '--from-literal', 'of-dev', '--namespace', 'dev'));
  const deploy = ['deploy', '--image', image, '--name', 'reader', '--fprocess', 'cat /var/openfaas/secrets/shared'];
  succeeded(await cli.run(...deploy, '--secret', 'shared', '--namespace', 'dev'));
  t.is(succeeded(await cli.run('invoke', 'reader', '--namespace', 'dev')), 'of-dev');
  succeeded(await cli.run('remove', 'reader', '--namespace', 'dev'));
  t.regex(succeeded(await cli.run('secret', 'remove', 'shared', '--namespace', 'dev')), /Removed\.\. OK/);
  t.is(succeeded(await cli.run('secret', 'list', '--namespace', 'dev')), 'No secrets found.\n');
  t.regex(succeeded(await cli.run('secret', 'list')), /shared/);
});
