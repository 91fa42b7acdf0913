import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { serveTold } from './told-provider.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');

test('whoever reads slowly is given all that a verb prints', async (t) => {
  const { provider, env } = await serveTold(t);
  for (let i = 0; i < 3000; i++) provider.add(`function-${i}`, 1);
  // More than a pipe holds; the verb has long printed it when it is read.
  const script = '"$0" "$1" status --json | { sleep 3; cat; }';
  const { stdout } = await promisify(execFile)('sh', ['-c', script, process.execPath, main], {
    env: { ...env, PATH: process.env.PATH, berth_env_file: '/dev/null' },
    maxBuffer: 2 ** 24,
  });
  t.is((JSON.parse(stdout) as { functions: object[] }).functions.length, 3000);
});
