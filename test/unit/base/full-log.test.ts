import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

const logModule = join(import.meta.dirname, '../../../src/base/log.ts');

/** A process that logs, writes to stderr, and then says by its exit code that it lived on. */
const program = `
const { createLog } = await import(${JSON.stringify(logModule)});
const log = createLog();
for (let line = 0; line < 3; line += 1) {
  log.warn('on a full disk');
  process.stderr.write('and here\\n');
  await new Promise((resolve) => setTimeout(resolve, 5));
}
process.exit(7);
`;

test('log lines that cannot be written, as on a full disk, do not end the process', async (t) => {
  await using full = await open('/dev/full', 'w');
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', full.fd, full.fd],
  });
  const [code] = (await once(child, 'exit')) as [number];
  t.is(code, 7);
});

test('a reader of the log that goes away does not end the process', async (t) => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  child.stderr.destroy();
  const [code] = (await once(child, 'exit')) as [number];
  t.is(code, 7);
});
